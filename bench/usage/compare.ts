import { type Measured, measure } from './measure.js';
import { median, type Pace, type Round, type Scenario, scenarios } from './scenarios.js';
import type { Side } from './sides.js';
import type { Stage } from './stage.js';

/** The scenarios named, and those that they need; all without names. */
export function chosen(names: readonly string[]): Scenario[] {
  if (names.length === 0) return [...scenarios];
  const unknown = names.find((name) => scenarios.every((scenario) => scenario.name !== name));
  if (unknown !== undefined) {
    const known = scenarios.map(({ name }) => name).join(', ');
    throw new Error(`No scenario is called ${unknown}. There are: ${known}.`);
  }
  const wanted = new Set(names);
  const needed = scenarios
    .filter(({ name }) => wanted.has(name))
    .flatMap(({ needs = [] }) => needs);
  return scenarios.filter(({ name }) => wanted.has(name) || needed.includes(name));
}

/**
 * Measures the sides in turn, scenario by scenario, for so many rounds: whatever else the machine
 * does falls on both. `tell` hears of each.
 */
export async function compare(
  stage: Stage,
  sides: readonly Side[],
  selection: readonly Scenario[],
  rounds: number,
  pace: Pace,
  tell: (line: string) => void,
): Promise<Round[]> {
  const done: Round[] = [];
  for (let index = 0; index < rounds; index += 1) {
    const round: Round = new Map();
    done.push(round);
    for (const { name, title, once, env = {}, work, ...scenario } of selection) {
      if (once && index > 0) continue;
      for (const side of sides.filter((side) => scenario.sides.includes(side.name))) {
        const measured = await measure(stage, side, work(pace, find(round)), { env }).catch(
          (cause) => {
            throw new Error(`${title}, ${side.name}: ${cause.message}`, { cause });
          },
        );
        round.set(`${side.name} ${name}`, measured);
        const { perSecond, p99 } = measured;
        const rate = Math.round(perSecond).toLocaleString('en');
        tell(
          `round ${index + 1}/${rounds}  ${title}, ${side.name}: ${rate}/s, p99 ${p99.toFixed(1)} ms`,
        );
      }
    }
  }
  return done;
}

/** Finds what a round measured; throws where it did not. */
export function find(round: Round): (name: string) => Measured {
  return (name) => {
    const measured = round.get(name);
    if (measured === undefined) throw new Error(`${name} was not measured`);
    return measured;
  };
}

/** Of each number its median over the rounds; of memory the most. */
export function overRounds(rounds: readonly Round[], name: string) {
  const all = rounds.flatMap((round) => round.get(name) ?? []);
  const of = (key: Exclude<keyof Measured, 'memory'>) => median(all.map((one) => one[key]));
  return {
    perSecond: of('perSecond'),
    p50: of('p50'),
    p99: of('p99'),
    serverCpu: of('serverCpu'),
    postgresCpu: of('postgresCpu'),
    loadCpu: of('loadCpu'),
    memory: Math.max(...all.flatMap(({ memory }) => memory)),
  };
}
