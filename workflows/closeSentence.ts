import { type CloseCounts, closeProgress } from '../src/domain/closeProgress.js';
import { span } from './localTime.js';

/** How far a close is that puts records on Stripe, for operators. */
export function describeBilling(counts: CloseCounts, now: Date): string {
  const { percent, done, total, perSecond, expectedEnd } = closeProgress(counts, now);
  const parts = [`${percent} %`, `${tell(done)} of ${tell(total)} records are billed`];
  if (counts.failed > 0) parts.push(`${tell(counts.failed)} have failed`);
  if (perSecond !== null) parts.push(`${perSecond.toFixed(1)} a second`);
  if (expectedEnd !== null) parts.push(`${span(expectedEnd.getTime() - now.getTime())} to go`);
  return parts.join(' · ');
}

/** What a close that has ended leaves to do. */
export function describeEnd(period: string, { toBill, failed }: CloseCounts): string {
  const billed = `100 % · all ${tell(toBill)} records are billed`;
  if (failed === 0) return billed;
  return `${billed} but ${tell(failed)}, which Stripe has refused: mend the cause, then \`tagih close ${period} --failed\``;
}

const tell = (count: number): string => count.toLocaleString('en');
