import { join, resolve } from 'node:path';
import { chosen, compare } from './compare.js';
import { grow } from './growth.js';
import { profile } from './profile.js';
import { compilePrograms } from './programs.js';
import { machine, machineLines, summarize, summaryTables, writeJson } from './report.js';
import { baseline, tagih } from './sides.js';
import { onStage, type Stage } from './stage.js';

export interface UsageOptions {
  only: string[];
  rounds: number;
  seconds: number;
  growth: boolean;
  profile: boolean;
  /** The folder that results are written to. */
  results: string;
}

/** Long enough for V8 to have compiled what is hot. */
export const WARM_UP_SECONDS = 1.5;

/** Usage against the naive baseline; with options, how its cost grows, or where its time goes. */
export async function usage(options: UsageOptions): Promise<void> {
  const selection = chosen(options.only);
  await compilePrograms();
  await onStage((stage) => run(stage, selection, options));
}

async function run(
  stage: Stage,
  selection: ReturnType<typeof chosen>,
  { rounds, seconds, growth, profile: profiled, only, ...options }: UsageOptions,
): Promise<void> {
  // Programs run in a folder of their own.
  const results = resolve(options.results);
  const pace = { seconds, warmUpSeconds: WARM_UP_SECONDS };
  const about = machine(stage);
  print(machineLines(about));
  if (growth) {
    const { steps, text } = await grow(stage, pace, tell);
    writeJson(join(results, 'usage-growth.json'), { machine: about, seconds, steps });
    print(text);
  } else if (profiled) {
    await profile(stage, only.length === 0 ? chosen(['singles']) : selection, pace, results, tell);
  } else {
    const sides = [await baseline(stage), await tagih(stage)];
    const measured = await compare(stage, sides, selection, rounds, pace, tell);
    const summary = summarize(selection, measured);
    const raw = measured.map((round) => Object.fromEntries(round));
    const content = { machine: about, seconds, ...summary, rounds: raw };
    writeJson(join(results, 'usage.json'), content);
    print(summaryTables(summary));
  }
}

const print = (text: string) => process.stdout.write(`\n${text}\n`);
const tell = (line: string) => process.stderr.write(`  ${line}\n`);
