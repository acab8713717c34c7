import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { find, overRounds } from './compare.js';
import { median, type Round, type Scenario, type Target } from './scenarios.js';
import type { Stage } from './stage.js';

/** What numbers of one machine must be read with. */
export function machine(stage: Stage) {
  return {
    at: new Date().toISOString(),
    command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    node: process.version,
    postgres: stage.postgresVersion,
    /** Of the disk: a durable commit can't be faster. */
    syncMs: stage.syncMs,
    /** Before the first measurement: what else the machine was doing. */
    loadAverage: loadavg()[0] ?? 0,
  };
}

export type Machine = ReturnType<typeof machine>;

export function machineLines(of: Machine): string {
  return [
    `${of.at}  ${of.command}`,
    `${of.cores} × ${of.cpu}, ${of.memoryGb} GB, ${of.system}, Node ${of.node}, Postgres ${of.postgres}`,
    `synchronous_commit and fsync on: ${of.syncMs.toFixed(2)} ms for 8 kB to the disk; load average ${of.loadAverage.toFixed(1)} at the start`,
  ].join('\n');
}

/** What the rounds say, as it is printed and as it is kept. */
export function summarize(selection: readonly Scenario[], rounds: readonly Round[]) {
  const results = selection.flatMap(({ name, title, sides }) =>
    sides.map((side) => ({
      scenario: name,
      title,
      side,
      ...overRounds(rounds, `${side} ${name}`),
    })),
  );
  const targets = selection.flatMap(({ targets, once }) =>
    targets.map((target) => judge(target, once ? rounds.slice(0, 1) : rounds)),
  );
  return { results, targets };
}

/** The median of the rounds' own values (of the first, for what is measured once): each compares what was measured side by side. */
function judge({ text, value, unit, least, most }: Target, rounds: readonly Round[]) {
  const values = rounds.map((round) => value(find(round)));
  return { ...verdict(text, median(values), unit, { least, most }), rounds: values };
}

export type Summary = ReturnType<typeof summarize>;

export function summaryTables({ results, targets }: Summary): string {
  const measurements = table(
    ['', 'side', 'per second', 'p50 ms', 'p99 ms', 'server', 'Postgres', 'load', 'memory MB'],
    results.map((of) => [
      of.title,
      of.side,
      whole(of.perSecond),
      of.p50.toFixed(1),
      of.p99.toFixed(1),
      ...[of.serverCpu, of.postgresCpu, of.loadCpu].map((cores) => cores.toFixed(2)),
      whole(of.memory),
    ]),
  );
  return `${measurements}\n\n${verdictTable(targets)}`;
}

/** What was to be reached, and was. */
export interface Verdict {
  text: string;
  measured: number;
  unit: string;
  least?: number | undefined;
  most?: number | undefined;
  met: boolean;
}

export function verdict(
  text: string,
  measured: number,
  unit: string,
  { least, most }: Pick<Verdict, 'least' | 'most'>,
): Verdict {
  const met = measured >= (least ?? -Infinity) && measured <= (most ?? Infinity);
  return { text, unit, measured, least, most, met };
}

export function verdictTable(verdicts: readonly Verdict[]): string {
  return table(
    ['', 'measured', 'wanted', ''],
    verdicts.map(({ text, unit, measured, least, most, met }) => [
      text,
      `${measured.toFixed(unit === 'MB' ? 0 : 2)} ${unit}`,
      least === undefined ? `≤ ${most} ${unit}` : `≥ ${least} ${unit}`,
      met ? 'met' : 'MISSED',
    ]),
  );
}

export const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** The first column to the left, the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ');
  const rule = widths.map((width) => '─'.repeat(width)).join('──');
  return [line(head), rule, ...rows.map(line)].join('\n');
}

export function writeJson(file: string, content: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
}
