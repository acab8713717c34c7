import { Client, Connection } from '@temporalio/client';
import type { Stage } from '../usage/stage.js';
import { factsWaiting, openWorld, secondsUntilNone, type World } from '../world.js';

const FACTS = 5_000;
/** As many as the relay has under way. */
const AT_ONCE = 32;

const fact = (id: number) => ({
  kind: 'hint',
  id: `evt_${id}`,
  type: 'invoice.paid',
  object: `in_${id}`,
  at: '2026-01-01T00:00:00.000Z',
});

/**
 * Facts a second from the outbox to Temporal, without a worker: of 5,000 teams, and of 500; beside what
 * Temporal takes of signals with start when nothing else is done.
 */
export async function relay(stage: Stage) {
  const world = await openWorld(stage, 'relay');
  try {
    const bare = FACTS / (await signalAll(world));
    const ofEach = FACTS / (await drain(world, FACTS));
    const often = FACTS / (await drain(world, FACTS / 10));
    return { facts: FACTS, bare, ofEach, often };
  } finally {
    await world.close();
  }
}

async function signalAll({ temporalAddress }: World): Promise<number> {
  const connection = await Connection.connect({ address: temporalAddress });
  const { workflow } = new Client({ connection });
  let next = 0;
  const begun = performance.now();
  const sendOn = async () => {
    for (let id = next++; id < FACTS; id = next++) {
      await workflow.signalWithStart('subscription', {
        workflowId: `bare:${id}`,
        taskQueue: 'tagih',
        args: [{}],
        signal: 'fact',
        signalArgs: [fact(id)],
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendOn));
  const seconds = (performance.now() - begun) / 1_000;
  await connection.close();
  return seconds;
}

/** A server that starts beside an outbox of facts of so many teams. */
async function drain({ ledger, start }: World, teams: number): Promise<number> {
  await ledger.query(
    `with made as (
       insert into teams (id, name, admin_email)
       select 'team-' || $1 || '-' || n, 'Acme', 'admin@team.example' from generate_series(1, $1) n
       returning id)
     insert into outbox (workflow_id, fact)
     select 'subscription:' || id, $3::jsonb || jsonb_build_object('id', 'evt_' || id || n)
       from made, generate_series(1, $2) n order by n`,
    [teams, FACTS / teams, fact(0)],
  );
  await start('server');
  const left = await factsWaiting(ledger);
  const begun = performance.now();
  // What it has delivered by the time that it serves is not counted.
  return ((await secondsUntilNone(begun, () => factsWaiting(ledger))) * FACTS) / left;
}
