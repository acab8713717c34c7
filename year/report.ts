import type { Year } from './model/books.js';
import type { Fate } from './model/fate.js';

/** A year that was lived: in how many runs of its workflow, and how long it took. */
export interface Lived {
  fate: Fate;
  year: Year;
  runs: number;
  seconds: number;
}

const COLUMNS = ['lines', 'mails', 'attempts', 'invoices', 'charges', 'runs', 'seconds'];

/** The years as a table, in the order in which they were given. */
export function table(years: readonly Lived[]): string {
  const width = Math.max(...years.map(({ fate }) => fate.name.length));
  const row = (name: string, cells: readonly (string | number)[]) =>
    [name.padEnd(width), ...cells.map((cell, at) => `${cell}`.padStart(COLUMNS[at]?.length ?? 0))]
      .join('  ')
      .trimEnd();
  return [
    row('a team that …', COLUMNS),
    ...years.map(({ fate, year: { timeline, mails, attempts, stripe }, runs, seconds }) =>
      row(fate.name, [
        timeline.length,
        mails.length,
        attempts.length,
        stripe.invoices.length,
        stripe.charges.length,
        runs,
        seconds.toFixed(1),
      ]),
    ),
  ].join('\n');
}
