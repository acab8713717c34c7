import type { Logger } from 'pino';
import { environment, readSettings, type Settings, SettingsError } from './config.js';
import { createLog } from './log.js';

interface Running {
  close(): Promise<void>;
}

/** How long a role whose parent is gone may take to end. */
const ORPHAN_MS = 5_000;

/**
 * Runs a role with the settings of the environment until the process is told to stop, then closes it
 * in order. Under `npm start` it also says when it serves, and stops when its parent is gone.
 */
export async function runRole(
  name: 'server' | 'worker',
  start: (settings: Settings, log: Logger) => Promise<Running>,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
    process.once('disconnect', () => {
      resolve();
      // Its parent was killed, and with it Postgres and Temporal: there may be nobody left to end in order with.
      setTimeout(() => process.exit(1), ORPHAN_MS).unref();
    });
  });
  const settings = settingsOrExit();
  const log = createLog(settings.LOG_LEVEL, name);
  try {
    const running = await start(settings, log);
    process.send?.('ready');
    await stopped;
    await running.close();
    process.exit(0);
  } catch (error) {
    log.fatal({ err: error }, 'stopped by an error');
    process.exit(1);
  }
}

/** A wrong setting is told in its own words, without a stack that would bury them. */
function settingsOrExit(): Settings {
  try {
    return readSettings(environment());
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
