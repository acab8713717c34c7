import type pg from 'pg';
import { type Measured, measure, type Work } from './measure.js';
import { prefill } from './prefill.js';
import { table, whole } from './report.js';
import { type Pace, work } from './scenarios.js';
import { tagih } from './sides.js';
import type { Stage } from './stage.js';
import { countEvents } from './verify.js';

interface Step {
  what: string;
  servers: number;
  stored: number;
  index: Index;
  measured: Measured;
}

/** Of the keys: the one that grows with what is stored. */
interface Index {
  megabytes: number;
  /** Pages from the root to a leaf. */
  depth: number;
  /** Pages right below the root. */
  belowRoot: number;
}

const MILLION = 1_000_000;
/** Of Postgres, in bytes. */
const PAGE = 8_192;
const TEAMS_IN_BATCH = [1, 10, 100, 1_000];

/** How Tagih's cost grows with what is stored, with the teams of a batch, and with its processes. */
export async function grow(stage: Stage, pace: Pace, tell: (line: string) => void) {
  const side = await tagih(stage);
  await side.ledger.query('create extension pageinspect schema public');
  const steps: Step[] = [];
  const step = async (what: string, servers: number, ofStep: Partial<Work> = {}) => {
    const stored = await countEvents(side.ledger, side.table);
    const index = await keyIndex(side.ledger);
    const measured = await measure(stage, side, work(pace, ofStep), {}, servers);
    steps.push({ what, servers, stored, index, measured });
    tell(`${whole(stored)} stored, ${what}, ${servers} server: ${whole(measured.perSecond)}/s`);
  };

  tell('storing 1,000,000 events');
  await prefill(side.ledger, MILLION, new Date());
  await step('single events', 1);
  await step('single events', 2);
  for (const teams of TEAMS_IN_BATCH) {
    // Fewer connections: their events all wait at once.
    const batches = { kind: 'batch', batchSize: 1_000, connections: 8, teams } as const;
    await step(`batches of 1,000, of ${whole(teams)} teams`, 1, batches);
  }
  tell('storing 9,000,000 more');
  await prefill(side.ledger, 9 * MILLION, new Date());
  await step('single events', 1);

  const singles = steps.filter(({ what, servers }) => what === 'single events' && servers === 1);
  return { steps, text: `${stepTable(steps)}\n\n${extrapolation(singles)}` };
}

/** Processor time of the server and Postgres for one event, in microseconds. */
function cost({ serverCpu, postgresCpu, perSecond }: Measured): number {
  return ((serverCpu + postgresCpu) / perSecond) * MILLION;
}

function stepTable(steps: readonly Step[]): string {
  return table(
    ['', 'stored', 'servers', 'events/s', 'p50 ms', 'p99 ms', 'µs of CPU', 'index MB', 'depth'],
    steps.map(({ what, servers, stored, index, measured }) => [
      what,
      whole(stored),
      String(servers),
      whole(measured.perSecond),
      measured.p50.toFixed(1),
      measured.p99.toFixed(1),
      whole(cost(measured)),
      whole(index.megabytes),
      String(index.depth),
    ]),
  );
}

/** A hundred million: each ten times more adds what the last did. */
function extrapolation([first, last]: readonly Step[]): string {
  if (first === undefined || last === undefined) return '';
  const now = cost(last.measured);
  const then = now + Math.max(0, now - cost(first.measured));
  return [
    `100,000,000 stored events, extrapolated: ${whole(then)} µs of CPU for an event, as each ten times`,
    `more adds what the last did. The largest index would be ${depthOfTenfold(last.index)} pages deep, today's is ${last.index.depth}.`,
  ].join('\n');
}

/** One level more when the root can't hold ten times what it does. */
function depthOfTenfold({ megabytes, depth, belowRoot }: Index): number {
  const leaves = (megabytes * 2 ** 20) / PAGE;
  const perPage = (leaves / belowRoot) ** (1 / (depth - 2));
  return belowRoot * 10 > perPage ? depth + 1 : depth;
}

async function keyIndex(ledger: pg.Pool): Promise<Index> {
  const { rows } = await ledger.query<Index>(
    `with index as (
       select indexrelid::regclass::text as name, pg_relation_size(indexrelid) as bytes
         from pg_index where indisprimary and indrelid = 'usage_keys'::regclass)
     select bytes / 1048576.0 :: float8 as megabytes, level :: int + 1 as depth,
            (public.bt_page_stats(name, root)).live_items as "belowRoot"
       from index, public.bt_metap(name)`,
  );
  const [index] = rows;
  if (index === undefined) throw new Error('usage_keys has no primary key');
  return index;
}
