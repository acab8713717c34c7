import { join, resolve } from 'node:path';
import { wantedParts } from '../parts.js';
import { compare } from '../usage/compare.js';
import { compilePrograms } from '../usage/programs.js';
import {
  machine,
  machineLines,
  summarize,
  summaryTables,
  table,
  whole,
  writeJson,
} from '../usage/report.js';
import { onStage, type Stage } from '../usage/stage.js';
import { WARM_UP_SECONDS } from '../usage/usage.js';
import { accept, sidesOf } from './accept.js';
import { burst } from './burst.js';
import { relay } from './relay.js';

export const parts = ['accept', 'burst', 'relay'] as const;

type Part = (typeof parts)[number];

export interface WebhookOptions {
  /** Parts; all without names. */
  only: string[];
  rounds: number;
  seconds: number;
  /** The folder that results are written to. */
  results: string;
}

/** Events of Stripe: accepting them, against a bare webhook; a burst, until it is applied; the relay. */
export async function webhooks(options: WebhookOptions): Promise<void> {
  const isWanted = wantedParts(parts, options.only);
  await compilePrograms();
  await onStage((stage) => run(stage, isWanted, options));
}

async function run(
  stage: Stage,
  isWanted: (part: Part) => boolean,
  options: WebhookOptions,
): Promise<void> {
  // Programs run in a folder of their own.
  const results = resolve(options.results);
  const about = machine(stage);
  print(machineLines(about));
  if (isWanted('accept')) {
    const summary = await measureAccepting(stage, options);
    writeJson(join(results, 'webhooks-accept.json'), { machine: about, ...summary });
    print(summaryTables(summary));
  }
  if (isWanted('burst')) {
    const measured = await burst(stage);
    writeJson(join(results, 'webhooks-burst.json'), { machine: about, ...measured });
    const { events, teams, accepted, relayed, applied, backlog, fetches, met } = measured;
    const [disk, temporal, end] = [accepted, relayed, applied].map((at) => at.toFixed(1));
    print(
      `${whole(events)} events of ${teams} teams: on disk after ${disk} s, with Temporal after ${temporal} s, applied after ${end} s\n` +
        `facts that waited, at most: ${whole(backlog)}\n` +
        `fetches from Stripe: ${whole(fetches)}, wanted ≤ 1,500: ${met ? 'met' : 'MISSED'}`,
    );
  }
  if (isWanted('relay')) {
    const measured = await relay(stage);
    const { facts, bare, ofEach, often } = measured;
    writeJson(join(results, 'webhooks-relay.json'), { machine: about, ...measured });
    print(
      table(
        [`${whole(facts)} facts, without a worker`, 'facts/s', 'of the limit'],
        [
          ['signals with start alone, 32 at once', whole(bare), ''],
          ['relayed, one of each team', whole(ofEach), `${(ofEach / bare).toFixed(2)} ×`],
          ['relayed, ten of each team', whole(often), `${(often / bare).toFixed(2)} ×`],
        ],
      ),
    );
  }
}

async function measureAccepting(
  stage: Stage,
  { rounds, seconds }: Pick<WebhookOptions, 'rounds' | 'seconds'>,
) {
  const pace = { seconds, warmUpSeconds: WARM_UP_SECONDS };
  const measured = await compare(stage, await sidesOf(stage), [accept], rounds, pace, tell);
  const raw = measured.map((round) => Object.fromEntries(round));
  return { seconds, ...summarize([accept], measured), rounds: raw };
}

const print = (text: string) => process.stdout.write(`\n${text}\n`);
const tell = (line: string) => process.stderr.write(`  ${line}\n`);
