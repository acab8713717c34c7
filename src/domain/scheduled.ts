import { followsStripe, type Ladder, stageOf } from './dunning.js';
import type { Instant } from './instant.js';
import type { Invoice } from './team.js';

type Failure = Invoice['failures'][number];

/**
 * Which of an invoice's attempts that there is news of were scheduled ones (R23): its first failure, and
 * in mode `stripe` Stripe's own retries. Stripe's count tells how many those are, not which: they are
 * taken from the moment on for which Stripe had planned the next, so that a customer's try before it is
 * none. `askedAt`: since when the customer is asked to confirm an attempt, where that is news (R27).
 */
export function scheduledOf(
  ladder: Ladder,
  failures: readonly Failure[],
  invoice: Invoice,
  askedAt: Instant | null,
): { failed: Failure[]; asks: boolean } {
  const begins = stageOf(ladder) === 'none';
  if (!followsStripe(ladder)) {
    return {
      failed: begins ? failures.slice(0, 1) : [],
      asks: begins && failures.length === 0 && askedAt !== null,
    };
  }
  const made = (invoice.attemptCount ?? 0) - (ladder.attemptCount ?? 0);
  const asked = askedAt === null ? [] : [{ at: askedAt }];
  const planned = begins ? '' : (ladder.nextPaymentAttemptAt ?? null);
  // Where Stripe had planned to make none it counts on after a hard decline: what failed was another's try.
  const failedThen = planned === null ? [] : failures;
  const attempts = [...failedThen, ...asked].toSorted((a, b) => a.at.localeCompare(b.at));
  const since = attempts.findIndex(({ at }) => at >= (planned ?? ''));
  const first = Math.max(since, 0);
  const scheduled = attempts.slice(first, first + Math.max(made, begins ? 1 : 0));
  return {
    failed: failures.filter((failure) => scheduled.includes(failure)),
    asks: asked.some((question) => scheduled.includes(question)),
  };
}

/**
 * When an attempt failed. Without a charge it has no time of its own at Stripe, and is given its
 * invoice's: true of the first one alone. A later one was when Stripe had planned it, or just now.
 */
export function timeOf({ id, at }: Failure, ladder: Ladder, now: Instant): Instant {
  const hasCharge = !id.includes('#');
  if (hasCharge || stageOf(ladder) === 'none') return at;
  const planned = ladder.nextPaymentAttemptAt ?? now;
  return planned < now ? planned : now;
}
