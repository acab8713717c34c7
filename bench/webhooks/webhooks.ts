import { join, resolve } from 'node:path';
import { compare } from '../usage/compare.js';
import { compilePrograms } from '../usage/programs.js';
import { machine, machineLines, summarize, summaryTables, writeJson } from '../usage/report.js';
import { onStage, type Stage } from '../usage/stage.js';
import { WARM_UP_SECONDS } from '../usage/usage.js';
import { accept, sidesOf } from './accept.js';

export interface WebhookOptions {
  rounds: number;
  seconds: number;
  /** The folder that results are written to. */
  results: string;
}

/** Accepting events of Stripe, against a bare webhook. */
export async function webhooks(options: WebhookOptions): Promise<void> {
  await compilePrograms();
  await onStage((stage) => run(stage, options));
}

async function run(stage: Stage, { rounds, seconds, ...options }: WebhookOptions): Promise<void> {
  // Programs run in a folder of their own.
  const results = resolve(options.results);
  const about = machine(stage);
  print(machineLines(about));
  const pace = { seconds, warmUpSeconds: WARM_UP_SECONDS };
  const measured = await compare(stage, await sidesOf(stage), [accept], rounds, pace, tell);
  const summary = summarize([accept], measured);
  const raw = measured.map((round) => Object.fromEntries(round));
  writeJson(join(results, 'webhooks.json'), { machine: about, seconds, ...summary, rounds: raw });
  print(summaryTables(summary));
}

const print = (text: string) => process.stdout.write(`\n${text}\n`);
const tell = (line: string) => process.stderr.write(`  ${line}\n`);
