import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { find } from './compare.js';
import { flameGraph } from './flameGraph.js';
import { measure } from './measure.js';
import type { Pace, Round, Scenario } from './scenarios.js';
import { tagih } from './sides.js';
import type { Stage } from './stage.js';

/** Runs scenarios once with Tagih's server under V8's profiler; a profile and a flame graph of each. */
export async function profile(
  stage: Stage,
  selection: readonly Scenario[],
  pace: Pace,
  folder: string,
  tell: (line: string) => void,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const side = await tagih(stage);
  const round: Round = new Map();
  for (const { name, title, env = {}, work } of selection) {
    const file = join(folder, `usage-${name}.cpuprofile`);
    const nodeFlags = [
      '--cpu-prof',
      '--cpu-prof-dir',
      folder,
      '--cpu-prof-name',
      `usage-${name}.cpuprofile`,
    ];
    const measured = await measure(stage, side, work(pace, find(round)), { env, nodeFlags });
    round.set(`Tagih ${name}`, measured);
    const picture = join(folder, `usage-${name}.svg`);
    const recorded = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(picture, flameGraph(recorded, title, pace.seconds, measured.endedAt));
    tell(`${title}: ${Math.round(measured.perSecond)}/s under the profiler; ${file}, ${picture}`);
  }
}
