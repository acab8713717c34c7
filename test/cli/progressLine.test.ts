import { expect, test } from 'vitest';
import { ProgressLine } from '../../src/cli/progressLine.js';
import type { CloseProgress } from '../../src/domain/closeProgress.js';

const at = (seconds: number) => new Date(seconds * 1_000);

const billing: CloseProgress = {
  stage: 'billing',
  done: 42_000,
  total: 100_000,
  percent: 50.7,
  perSecond: 24.83,
  expectedEnd: new Date(2031, 1, 1, 14, 20, 5),
};
const waiting: CloseProgress = {
  stage: 'facts',
  done: 0,
  total: 0,
  percent: 0,
  perSecond: null,
  expectedEnd: null,
};
const completed: CloseProgress = { ...waiting, stage: null, percent: 100 };

/** What is written where there is a terminal of so many columns, or none. */
function written(columns: number | undefined, steps: [CloseProgress, number][]): string {
  let text = '';
  const stream = {
    isTTY: columns !== undefined,
    columns: columns ?? 0,
    write: (part: string | Uint8Array) => {
      text += part;
      return true;
    },
  };
  const line = new ProgressLine('2031-01', stream);
  for (const [progress, seconds] of steps) line.show(progress, at(seconds));
  line.end();
  return text;
}

test('on a terminal a bar grows in its line, and makes room for what comes next', () => {
  expect(
    written(200, [
      [waiting, 0],
      [billing, 1],
    ]).split('\r\x1b[K'),
  ).toEqual([
    '',
    `2031-01 ${'░'.repeat(24)} 0.0 % · waits for facts`,
    `2031-01 ${'█'.repeat(12)}${'░'.repeat(12)} 50.7 % · bills 42,000 of 100,000 · 24.8 a second · until 14:20:05`,
    '',
  ]);
});

test('on a narrow terminal it stays in one line', () => {
  const lines = written(40, [[billing, 0]]).split('\r\x1b[K');
  expect(lines.map(({ length }) => length)).toEqual([0, 39, 0]);
});

test('elsewhere a line is written for each stage, every ten seconds, and at the end', () => {
  const steps: [CloseProgress, number][] = [
    [waiting, 0],
    [waiting, 1],
    [billing, 2],
    [{ ...billing, done: 42_100 }, 11],
    [{ ...billing, done: 42_200 }, 12],
    [completed, 13],
  ];
  expect(written(undefined, steps)).toBe(
    [
      '2031-01 0.0 % · waits for facts',
      '2031-01 50.7 % · bills 42,000 of 100,000 · 24.8 a second · until 14:20:05',
      '2031-01 50.7 % · bills 42,200 of 100,000 · 24.8 a second · until 14:20:05',
      '2031-01 100.0 %',
      '',
    ].join('\n'),
  );
});
