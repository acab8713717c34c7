import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command, Option } from 'commander';
import { stringify } from 'csv-stringify';
import type { Environment } from '../config.js';
import { findClose } from '../db/closes.js';
import { type BillingStatus, billingStatuses, type UsageBilling } from '../db/usageBillings.js';
import { parsePeriod } from '../domain/period.js';
import {
  add,
  type Major,
  NOTHING,
  readBillings,
  recordCells,
  sumCells,
  sumsOf,
} from '../services/billingExport.js';
import { withLedger } from './ledger.js';

interface ExportOptions {
  format: 'csv' | 'json';
  status?: BillingStatus;
}

export const exportCommand = (settings: () => Environment) =>
  new Command('export')
    .argument('<period>', 'a month that is closed, YYYY-MM')
    .description("print a month's records for finance, and their totals last")
    .addOption(
      new Option('--format <format>', 'of the output').choices(['csv', 'json']).default('csv'),
    )
    .addOption(
      new Option('--status <status>', 'only the records of this status').choices(billingStatuses),
    )
    .action(async (period: string, { format, status }: ExportOptions) => {
      // Of which zone says nothing here.
      if (!parsePeriod(period, 'UTC')) throw new Error(`${period} is no month, YYYY-MM.`);
      await withLedger(settings, async (pool) => {
        const close = await findClose(pool, period);
        if (close?.status !== 'completed') {
          const state = close === undefined ? 'has not begun' : `is ${close.status}`;
          process.stderr.write(
            `The close of ${period} ${state}: these may not be all its records, and they may change.\n`,
          );
        }
        const records = readBillings(pool, { period, status });
        try {
          if (format === 'json') await pipeline(json(period, records), process.stdout);
          else await pipeline(Readable.from(csvRows(records)), csv(), process.stdout);
        } catch (error) {
          // Whoever reads has seen enough, as `head` has.
          if (!isBrokenPipe(error)) throw error;
        }
      });
    });

const isBrokenPipe = (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === 'EPIPE';

/** The columns, by the names that they have in JSON. */
const columns = [
  'teamId',
  'period',
  'plan',
  'planVersion',
  'status',
  'usedTokens',
  'tokenLimit',
  'overageTokens',
  'ratePer1000Minor',
  'ratePer1000',
  'currency',
  'overageMinor',
  'overage',
  'lateMinor',
  'late',
  'carriedMinor',
  'carried',
  'amountDueMinor',
  'amountDue',
  'stripeInvoiceItemId',
  'stripeInvoiceId',
  'billedAt',
] satisfies (keyof ReturnType<typeof recordCells>)[];

async function* csvRows(records: AsyncIterable<UsageBilling>): AsyncGenerator<object> {
  let sums = NOTHING;
  for await (const record of records) {
    sums = add(sums, sumsOf(record));
    yield recordCells(record);
  }
  yield { teamId: 'TOTAL', ...sumCells(sums) };
}

/** RFC 4180. Text that a spreadsheet would take for a formula has an apostrophe before it; numbers have none. */
const csv = () =>
  stringify({
    header: true,
    columns: columns.map((key) => ({
      key,
      header: key.replace(/[A-Z]|(?<=\D)\d+/g, (part) => `_${part.toLowerCase()}`),
    })),
    record_delimiter: '\r\n',
    cast: {
      string: (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text),
      object: (major) => String(major),
    },
  });

/** One document, a record a line. */
async function* json(period: string, records: AsyncIterable<UsageBilling>): AsyncGenerator<string> {
  let [sums, count] = [NOTHING, 0n];
  yield `{"period":${JSON.stringify(period)},"records":[`;
  for await (const record of records) {
    yield `${count === 0n ? '' : ','}\n${jsonOf(recordCells(record))}`;
    sums = add(sums, sumsOf(record));
    count += 1n;
  }
  yield `\n],"totals":${jsonOf({ records: count, ...sumCells(sums) })}}\n`;
}

/** Numbers to the last digit: `JSON.stringify` knows no bigint. */
const jsonOf = (cells: Readonly<Record<string, string | number | bigint | Major | null>>) => {
  const members = Object.entries(cells).map(
    ([name, value]) =>
      `${JSON.stringify(name)}:${typeof value === 'bigint' ? value : JSON.stringify(value)}`,
  );
  return `{${members.join(',')}}`;
};
