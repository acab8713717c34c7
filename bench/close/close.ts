import { join, resolve } from 'node:path';
import { periodAt, previousPeriod } from '../../src/domain/period.js';
import { wantedParts } from '../parts.js';
import { compilePrograms } from '../usage/programs.js';
import { machine, machineLines, writeJson } from '../usage/report.js';
import { onStage, type Stage } from '../usage/stage.js';
import { measureBaseline } from './baseline.js';
import { measureClose } from './measureClose.js';
import { closeTables, judgeClose, type Measurements } from './report.js';

export const parts = ['baseline', 'sizes', 'limit'] as const;

type Part = (typeof parts)[number];

export interface CloseOptions {
  /** Parts; all without names. */
  only: string[];
  /** Of how many teams a month is closed, one after the other. */
  teams?: number[];
  /** The folder that results are written to. */
  results: string;
}

const SIZES = [1_000, 10_000, 100_000];
const ZONE = 'Asia/Jakarta';
/** As good as none, in requests a second. */
const LIFTED = 10_000;
/** What Stripe allows an endpoint (docs.stripe.com/rate-limits). */
const LIMIT = 25;
/** Of whom 3,000 are above their limit: two minutes at Stripe's rate. */
const TEAMS_AT_LIMIT = 10_000;

/** A month's close, by the number of teams, beside the obvious implementation of it; and at Stripe's own rate. */
export async function close(options: CloseOptions): Promise<void> {
  const isWanted = wantedParts(parts, options.only);
  await compilePrograms();
  await onStage((stage) => run(stage, isWanted, options));
}

async function run(
  stage: Stage,
  isWanted: (part: Part) => boolean,
  { teams = SIZES, ...options }: CloseOptions,
): Promise<void> {
  // Programs run in a folder of their own.
  const results = resolve(options.results);
  const about = machine(stage);
  print(machineLines(about));
  const month = previousPeriod(periodAt(new Date(), ZONE), ZONE);
  const most = Math.max(...teams);
  const measured: Measurements = { sizes: [] };
  if (isWanted('baseline')) {
    tell(`the naive close, beside ${most} teams`);
    measured.baseline = await measureBaseline(stage, month, most);
  }
  if (isWanted('sizes')) {
    for (const count of teams.toSorted((a, b) => a - b)) {
      tell(`a close of ${count} teams`);
      const one = await measureClose(stage, month, { teams: count, limit: LIFTED });
      tell(`${count} teams: ${one.whole.toFixed(1)} s, ${one.memory.most.toFixed(0)} MB`);
      measured.sizes.push(one);
    }
  }
  if (isWanted('limit')) {
    const count = Math.min(TEAMS_AT_LIMIT, most);
    tell(`a close of ${count} teams at ${LIMIT} requests a second`);
    measured.limited = await measureClose(stage, month, { teams: count, limit: LIMIT });
  }
  const targets = judgeClose(measured);
  writeJson(join(results, 'close.json'), { machine: about, ...measured, targets });
  print(closeTables(measured, targets));
}

const print = (text: string) => process.stdout.write(`\n${text}\n`);
const tell = (line: string) => process.stderr.write(`  ${line}\n`);
