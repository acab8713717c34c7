import type { Hint, Mark, Reading, TeamState, Truth } from './team.js';

/** The later of two places in the order of receipt; none where one of them has none. */
export function laterMark(a: Mark | undefined, b: Mark | undefined): Mark | undefined {
  if (a === undefined || b === undefined) return undefined;
  return { n: Math.max(a.n, b.n), at: a.at > b.at ? a.at : b.at };
}

/** The place of a hint; none of one that did not come by Stripe's webhook. */
export function markOf({ n, at }: Hint): Mark | undefined {
  return n === undefined ? undefined : { n, at };
}

/**
 * Whether a reading that began at `read` came after what happened at `happened`: by the order of receipt,
 * and, should the ledger come from a backup and count anew, by the clock, too.
 */
function covers(read: Mark | undefined, happened: Mark | undefined): boolean {
  if (read === undefined || happened === undefined) return false;
  return happened.n <= read.n && happened.at <= read.at;
}

type Wanted = Omit<Reading, 'number'>;

/** Whether the reading that `asked` also found all that is wanted since: it need not be read again (R16). */
export function answersToo(truth: Truth, asked: Reading, wanted: Wanted): boolean {
  const { subscriptionIds, chargeIds = [], disputeIds = [] } = wanted;
  const found = [...truth.subscriptions.map(({ id }) => id), ...asked.subscriptionIds];
  return (
    covers(truth.upTo, wanted.upTo) &&
    subscriptionIds.every((id) => found.includes(id)) &&
    chargeIds.every((id) => asked.chargeIds?.includes(id)) &&
    disputeIds.every((id) => asked.disputeIds?.includes(id))
  );
}

/**
 * Whether the last reading of Stripe found what an event tells that comes late (R16). Not while a ladder
 * runs, where a card that is told of is worth a try (R24), nor of what is only read when it is named.
 */
export function isRead(state: TeamState, hint: Hint): boolean {
  const { reading, wanted, ladders, readUpTo, subscription, accountedSubscriptionIds } = state;
  if (reading !== null || wanted !== null || ladders.length > 0) return false;
  if (hint.type.startsWith('charge.')) return false;
  const known = [subscription?.id, ...(accountedSubscriptionIds ?? [])];
  if (hint.object?.startsWith('sub_') && !known.includes(hint.object)) return false;
  return covers(readUpTo, markOf(hint));
}
