import type { CloseProgress, CloseStage } from '../domain/closeProgress.js';

const BAR = 24;
/** Apart from a new stage, what a terminal sees grow is told to a log so often. */
const TELL_EVERY_MS = 10_000;

const stages: Record<CloseStage, string> = {
  facts: 'waits for facts',
  seal: 'seals',
  verify: 'counts the totals against the events',
  records: 'writes records',
  summaries: 'writes summaries',
  billing: 'bills',
};

/** How far a close is, in one line: `42.1 % · bills 42,000 of 100,000 · 24.8 a second · until 14:20:05`. */
function describe({ stage, done, total, percent, perSecond, expectedEnd }: CloseProgress): string {
  const parts = [`${percent.toFixed(1)} %`];
  if (stage !== null) {
    const counts = total === 0 ? '' : ` ${tell(done)} of ${tell(total)}`;
    parts.push(`${stages[stage]}${counts}`);
  }
  if (perSecond !== null) parts.push(`${perSecond.toFixed(1)} a second`);
  if (expectedEnd !== null) parts.push(`until ${expectedEnd.toLocaleTimeString('en-GB')}`);
  return parts.join(' · ');
}

/** A count as people read it. */
export const tell = (count: number): string => count.toLocaleString('en');

/**
 * Shows progress beside what a command prints: a bar that grows on a terminal, a line each now and then
 * elsewhere, as in a log.
 */
export class ProgressLine {
  private stage: CloseStage | null = null;
  private toldAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly name: string,
    private readonly stream: Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>,
  ) {}

  show(progress: CloseProgress, now: Date): void {
    const line = describe(progress);
    if (this.stream.isTTY) {
      const full = Math.round((progress.percent / 100) * BAR);
      const bar = '█'.repeat(full) + '░'.repeat(BAR - full);
      this.stream.write(
        `\r\x1b[K${`${this.name} ${bar} ${line}`.slice(0, this.stream.columns - 1)}`,
      );
      return;
    }
    const isDue = now.getTime() - this.toldAt >= TELL_EVERY_MS;
    if (progress.stage === this.stage && progress.percent < 100 && !isDue) return;
    this.stage = progress.stage;
    this.toldAt = now.getTime();
    this.stream.write(`${this.name} ${line}\n`);
  }

  /** Makes room for what is printed next. */
  end(): void {
    if (this.stream.isTTY) this.stream.write('\r\x1b[K');
  }
}
