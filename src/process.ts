import type { Logger } from 'pino';

interface Running {
  close(): Promise<void>;
}

/**
 * Runs a role until the process is told to stop, then closes it in order. Under `npm start` it also
 * says when it serves, and stops when its parent is gone.
 */
export async function runUntilStopped(log: Logger, start: () => Promise<Running>): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
    process.once('disconnect', () => resolve());
  });
  try {
    const running = await start();
    process.send?.('ready');
    await stopped;
    await running.close();
    process.exit(0);
  } catch (error) {
    log.fatal({ err: error }, 'stopped by an error');
    process.exit(1);
  }
}
