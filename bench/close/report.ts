import { table, type Verdict, verdict, verdictTable, whole } from '../usage/report.js';
import type { Baseline } from './baseline.js';
import type { MeasuredClose } from './measureClose.js';

/** What was measured; parts that were not asked for are absent. */
export interface Measurements {
  baseline?: Baseline;
  /** From the fewest teams to the most. */
  sizes: MeasuredClose[];
  limited?: MeasuredClose;
}

/** Of those that the targets are about. */
const TEAMS = 100_000;
const SMALLER = 10_000;

/** The targets of what was measured: those for 100,000 teams where so many were. */
export function judgeClose({ baseline, sizes, limited }: Measurements): Verdict[] {
  const verdicts: Verdict[] = [];
  const judge = (...of: Parameters<typeof verdict>) => verdicts.push(verdict(...of));
  const large = sizes.at(-1);
  if (large !== undefined && baseline !== undefined) {
    const naive = large.teams * baseline.record;
    judge('records, against one team at a time', naive / large.records, '×', { least: 50 });
    const ten = large.teams * baseline.tenAtOnce;
    judge('whole close, against ten teams at once', ten / large.whole, '×', { least: 5 });
  }
  if (large?.teams === TEAMS) {
    judge('records of 100,000 teams', large.records, 's', { most: 5 });
    judge('whole close of 100,000 teams', large.whole, 's', { most: 300 });
    const hundred = (100 * large.temporal.actions) / large.teams;
    judge('Temporal actions for a hundred teams', hundred, '', { most: 10 });
    const smaller = sizes.find(({ teams }) => teams === SMALLER);
    if (smaller !== undefined) {
      const growth = large.memory.most / smaller.memory.most;
      // The smaller close is over before V8 has settled.
      judge('memory, 100,000 teams against 10,000', growth, '×', { most: 1.2 });
    }
  }
  if (large !== undefined) {
    judge('memory of the worker', large.memory.most, 'MB', { most: 400 });
  }
  if (limited !== undefined) {
    const share = limited.overage / limited.limit / limited.whole;
    judge(`of the limit of ${limited.limit} a second`, 100 * share, '%', { least: 95 });
  }
  return verdicts;
}

export function closeTables(measured: Measurements, verdicts: readonly Verdict[]): string {
  const { baseline, sizes, limited } = measured;
  const closes = limited === undefined ? sizes : [...sizes, limited];
  const texts: string[] = [];
  if (closes.length > 0) texts.push(timeTable(closes), costTable(closes));
  if (baseline !== undefined) {
    const { measured: count, record, oneAtATime, tenAtOnce } = baseline;
    const ms = (seconds: number) => (seconds * 1_000).toFixed(2);
    texts.push(
      `naive, measured on ${whole(count)} teams, for each: record ${ms(record)} ms; ` +
        `all of it ${ms(oneAtATime)} ms one at a time, ${ms(tenAtOnce)} ms ten at once`,
    );
  }
  if (verdicts.length > 0) texts.push(verdictTable(verdicts));
  return texts.join('\n\n');
}

const nameOf = ({ teams, limit }: MeasuredClose) => `${whole(teams)} teams, ${whole(limit)}/s`;
const seconds = (value: number) => value.toFixed(value < 10 ? 2 : 1);

function timeTable(closes: readonly MeasuredClose[]): string {
  return table(
    ['seconds', 'seal', 'count', 'records', 'summaries', 'Stripe', 'mails', 'whole'],
    closes.map((of) => [
      nameOf(of),
      ...[of.seal, of.verify, of.records, of.summaries, of.stripe, of.mails, of.whole].map(seconds),
    ]),
  );
}

function costTable(closes: readonly MeasuredClose[]): string {
  return table(
    [
      '',
      'MB before',
      'at most',
      'worker',
      'Postgres',
      'sandbox',
      'actions',
      'events',
      'longest',
      'kB',
    ],
    closes.map((of) => [
      nameOf(of),
      whole(of.memory.before),
      whole(of.memory.most),
      ...[of.cores.worker, of.cores.postgres, of.cores.sandbox].map((cores) => cores.toFixed(2)),
      whole(of.temporal.actions),
      whole(of.temporal.events),
      whole(of.temporal.longest.events),
      whole(of.temporal.longest.kilobytes),
    ]),
  );
}
