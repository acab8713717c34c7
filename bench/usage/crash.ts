import { PersistentClients } from './persistentClients.js';
import { compilePrograms } from './programs.js';
import { whole } from './report.js';
import { type Server, type Side, tagih } from './sides.js';
import { onStage } from './stage.js';
import { verify } from './verify.js';

export interface CrashOptions {
  servers: number;
  postgres: number;
}

const CONNECTIONS = 64;
/** Between two kills: from the middle of a recovery to well after it. */
const SOONEST_MS = 500;
const LATEST_MS = 3_000;

/**
 * Kills the server and Postgres (SIGKILL) at random moments under clients that send each event until
 * it is acknowledged. Afterwards each of them is on disk once (R9, R10), totals are the sums of their
 * events, and no total that was shown went down. Throws when that is not so.
 */
export async function crash({ servers, postgres }: CrashOptions): Promise<void> {
  await compilePrograms();
  await onStage(async (stage) => {
    const side = await tagih(stage);
    let server = await side.start();
    const clients = new PersistentClients(CONNECTIONS, side.apiKey, () => server.url);
    for (const victim of inTurn(servers, postgres)) {
      const pause = SOONEST_MS + Math.random() * (LATEST_MS - SOONEST_MS);
      await Promise.race([clients.goOnFor(pause), server.failed]);
      process.stderr.write(`  killing ${victim}\n`);
      if (victim === 'Postgres') await stage.killPostgres();
      else server = await replaced(side, server);
    }
    await Promise.race([clients.goOnFor(LATEST_MS), server.failed]);
    const { acknowledged, retries, highest } = await clients.finish();
    await server.stop();
    await verify(side.ledger, 0, { acknowledged, inFlight: 0, highest: [...highest] });
    process.stdout.write(
      `\nThe server was killed ${servers} times and Postgres ${postgres}, under ${CONNECTIONS} connections.\n` +
        `${whole(acknowledged)} events were acknowledged, after ${whole(retries)} retries: each is on disk once,\n` +
        'every total is the sum of its events, and none that was shown went down.\n',
    );
  });
}

async function replaced(side: Side, server: Server): Promise<Server> {
  process.kill(server.pid, 'SIGKILL');
  await server.exited;
  return side.start();
}

/** All the kills, as evenly mixed as their numbers allow. */
function inTurn(servers: number, postgres: number): ('the server' | 'Postgres')[] {
  const total = servers + postgres;
  return Array.from({ length: total }, (_, index) => {
    const soFar = Math.floor((index * postgres) / total);
    return Math.floor(((index + 1) * postgres) / total) > soFar ? 'Postgres' : 'the server';
  });
}
