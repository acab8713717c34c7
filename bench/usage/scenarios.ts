import type { Measured, Work } from './measure.js';
import type { Side } from './sides.js';
import { TEAMS } from './sides.js';

/** What one round measured, by side and scenario: `baseline singles`. */
export type Round = Map<string, Measured>;

/** A promise of the product, as a number of each round. */
export interface Target {
  text: string;
  value: (of: (name: string) => Measured) => number;
  unit: '×' | 'MB';
  least?: number;
  most?: number;
}

export interface Scenario {
  name: string;
  title: string;
  sides: readonly Side['name'][];
  /** What is done; it may follow from what the round measured before. */
  work: (pace: Pace, of: (name: string) => Measured) => Work;
  env?: Record<string, string>;
  /** Scenarios that its targets are compared with, or its work follows from. */
  needs?: readonly string[];
  /** Once is enough, and takes long. */
  once?: boolean;
  targets: readonly Target[];
}

/** How long to measure. */
export interface Pace {
  seconds: number;
  warmUpSeconds: number;
}

const both = ['baseline', 'Tagih'] as const;
const GROUP_KEYS = ['a', 'b', 'c', 'd', 'e'];
const CONNECTIONS = 64;
const MEMORY_EVENTS = 1_000_000;

/** Single events of all teams on all connections, but for what `of` says. */
export const work = (pace: Pace, of: Partial<Work>): Work => ({
  kind: 'single',
  connections: CONNECTIONS,
  teams: TEAMS,
  batchSize: 100,
  groupKeys: [],
  warmUpSeconds: pace.warmUpSeconds,
  until: { seconds: pace.seconds },
  ...of,
});

export const speed = (than: string, name: string, text: string, least: number): Target => ({
  text,
  value: (of) => of(`Tagih ${name}`).perSecond / of(than).perSecond,
  unit: '×',
  least,
});

export const scenarios: readonly Scenario[] = [
  {
    name: 'singles',
    title: 'single events, 10,000 teams',
    sides: both,
    work: (pace) => work(pace, {}),
    targets: [speed('baseline singles', 'singles', 'single events', 4.5)],
  },
  {
    name: 'hot',
    title: 'single events, one hot team',
    sides: both,
    work: (pace) => work(pace, { teams: 1 }),
    targets: [speed('baseline hot', 'hot', 'single events of one hot team', 9)],
  },
  {
    name: 'batches',
    title: 'batches of 100, 10,000 teams',
    sides: both,
    work: (pace) => work(pace, { kind: 'batch' }),
    needs: ['singles'],
    targets: [
      speed('baseline singles', 'batches', 'batches against naive single events', 20),
      speed('baseline batches', 'batches', 'batches against naive batches', 6),
    ],
  },
  {
    name: 'half',
    title: "single events at half of the baseline's rate",
    sides: both,
    work: (pace, of) => work(pace, { rate: of('baseline singles').perSecond / 2 }),
    needs: ['singles'],
    targets: [
      {
        text: "p99 at half of the baseline's rate",
        value: (of) => of('Tagih half').p99 / of('baseline half').p99,
        unit: '×',
        most: 1,
      },
    ],
  },
  {
    name: 'access',
    title: 'GET …/access, 10,000 teams',
    sides: both,
    work: (pace) => work(pace, { kind: 'access' }),
    needs: ['singles'],
    targets: [speed('Tagih singles', 'access', 'access against single events', 1)],
  },
  {
    name: 'groups',
    title: 'single events, 5 group keys of 50 values',
    sides: both,
    env: { USAGE_GROUP_KEYS: GROUP_KEYS.join() },
    work: (pace) => work(pace, { groupKeys: GROUP_KEYS }),
    targets: [speed('baseline groups', 'groups', 'single events with 5 group keys', 3)],
  },
  {
    name: 'memory',
    title: '1,000,000 single events',
    sides: ['Tagih'],
    once: true,
    work: (pace) => work(pace, { until: { events: MEMORY_EVENTS } }),
    targets: [
      {
        text: 'memory of the server, its most over 1,000,000 events',
        value: (of) => Math.max(...of('Tagih memory').memory),
        unit: 'MB',
        most: 250,
      },
      {
        text: 'memory in the last fifth of them against the second',
        value: (of) => growth(of('Tagih memory').memory),
        unit: '×',
        most: 1.1,
      },
    ],
  },
];

/** How the last fifth of samples compares with the second: the first is warm-up. */
function growth(samples: readonly number[]): number {
  const fifth = Math.ceil(samples.length / 5);
  return median(samples.slice(-fifth)) / median(samples.slice(fifth, 2 * fifth));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = low] = sorted.slice(
    Math.ceil(middle) - 1,
    Math.floor(middle) + 1,
  );
  return (low + high) / 2;
}
