import { readFileSync } from 'node:fs';
import type { Period } from '../../src/domain/period.js';
import { whenReady } from '../usage/programs.js';
import type { Stage } from '../usage/stage.js';
import { startSandbox } from '../world.js';
import type { Taken, Task } from './naive/main.js';
import { addSubscribers } from './sandboxObjects.js';
import { fillNaive, teamsAbove } from './teams.js';

/** What the naive close takes for a team, in seconds. */
export interface Baseline {
  /** Of how many teams it was measured, one at a time and ten at once. */
  measured: number;
  /** Sum and insert, one team at a time. */
  record: number;
  oneAtATime: number;
  tenAtOnce: number;
}

const MEASURED = 1_000;

/** Measures the naive close on some of as many teams: see naive/main.ts. */
export async function measureBaseline(
  stage: Stage,
  month: Period,
  teams: number,
): Promise<Baseline> {
  const { url, ledger } = await stage.createDatabase('naive', 'public');
  await ledger.query(readFileSync(new URL('naive/schema.sql', import.meta.url), 'utf8'));
  await fillNaive(ledger, teams, month);
  const sandbox = await startSandbox(stage, 'naive-sandbox');
  const program = await whenReady(
    stage.run({
      script: 'bench/close/naive/main.js',
      name: 'naive',
      env: { DATABASE_URL: url, SANDBOX_URL: sandbox.url },
    }),
  );
  try {
    const measured = Math.min(MEASURED, Math.floor(teams / 2));
    await addSubscribers(sandbox, teamsAbove(2 * measured));
    const run = async (task: Task): Promise<Taken> => {
      await stage.checkpoint();
      const taken = new Promise<Taken>((resolve) => program.child.once('message', resolve));
      program.child.send(task);
      return Promise.race([taken, program.failed]);
    };
    const task = { period: month.id, teams: measured };
    const single = await run({ ...task, skip: 0, atOnce: 1 });
    const ten = await run({ ...task, skip: measured, atOnce: 10 });
    return {
      measured,
      record: single.records / measured,
      oneAtATime: single.whole / measured,
      tenAtOnce: ten.whole / measured,
    };
  } finally {
    await program.stop();
    await sandbox.stop();
  }
}
