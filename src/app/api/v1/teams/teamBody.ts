import { climbing, isPaused, type Ladder, nextAttemptAt } from '../../../../domain/dunning.js';
import type { Team } from '../../../../services/teamService.js';
import { money } from '../../../schemas.js';
import { accessBody } from '../usage/usageBody.js';

/** A team as the API shows it. */
export function teamBody({ row, access, invoiceLinks }: Team) {
  const { subscription, ladders } = row.state;
  return {
    teamId: row.id,
    name: row.name,
    tier: row.tier,
    subscriptionStatus: row.subscriptionStatus,
    stripeCustomerId: row.stripeCustomerId,
    stripeSubscriptionId: subscription?.id ?? null,
    currentPeriodEnd: subscription?.currentPeriodEnd ?? null,
    cancelAt: subscription?.cancelAt ?? null,
    pendingPlan: subscription?.pendingPlan ?? null,
    dunning: dunningBody(ladders, invoiceLinks),
    access: accessBody(access),
  };
}

/** The invoice of the highest strike, the next attempt of all (R25); null at the last strike and while none is due. */
export function dunningBody(ladders: readonly Ladder[], links: ReadonlyMap<string, string>) {
  const all = climbing(ladders);
  const [first] = all;
  if (first === undefined || first.strike === 0) return null;
  const attempts = all.flatMap((ladder) => nextAttemptAt(ladder) ?? []);
  return {
    strike: first.strike,
    invoiceId: first.invoiceId,
    since: first.since,
    nextAttemptAt: attempts.toSorted()[0] ?? null,
    paused: isPaused(all),
    invoices: all.map(({ invoiceId, strike, amountDue, since }) => ({
      invoiceId,
      strike,
      amountDue: money(amountDue),
      since,
      hostedInvoiceUrl: links.get(invoiceId) ?? null,
    })),
  };
}
