import type { Cause, Draft } from './draft.js';
import type { Truth } from './team.js';

/** Refunds and disputes on the timeline, each once, however often it is told; nothing else follows from them. */
export function tellOfCharges(draft: Draft, truth: Truth, { cause }: Cause): void {
  for (const { id: refundId, chargeId, customerId, amount } of truth.refunds ?? []) {
    if (!draft.isNews(refundId)) continue;
    const details = { refundId, chargeId, customerId, amount };
    const because = { cause, actor: 'stripe' };
    draft.note('charge_refunded', `A charge is refunded: ${chargeId}`, because, details);
  }
  for (const { id: disputeId, chargeId, amount, reason, closedAs } of truth.disputes ?? []) {
    const details = { disputeId, chargeId, amount };
    if (draft.isNews(disputeId)) {
      const because = { cause, actor: 'customer' };
      const summary = `A charge is disputed: ${disputeId}`;
      draft.note('dispute_opened', summary, because, { ...details, reason });
    }
    if (closedAs !== null && draft.isNews(`${disputeId}:${closedAs}`)) {
      const because = { cause, actor: 'stripe' };
      const summary = `A dispute is ${closedAs}: ${disputeId}`;
      draft.note('dispute_closed', summary, because, { ...details, status: closedAs });
    }
  }
}
