import type { HeldPlan, Step } from './explanation.js';
import { type Currency, display } from './money.js';

/** A step in a sentence. Figures stand as they are in the ledger, to be computed again by hand. */
export function stepText(step: Step, currency: Currency): string {
  const money = (amount: number) => `${amount} (${display({ amount, currency })})`;
  const { period } = step;
  switch (step.kind) {
    case 'usage':
      return `${step.usedTokens} tokens used in ${period}: ${usage(step)}`;
    case 'plan': {
      const held = step.held.map(span).join('; ') || 'none but Free';
      const since = step.heardSince
        ? '; some of it was heard since, and is for a later record'
        : '';
      return `${period} is rated with ${step.plan}, the highest plan held in it: ${held}${since}`;
    }
    case 'rating':
      return `${period} at the prices of ${step.planVersion}: ${arithmetic(step)} minor units (${display({ amount: step.overageCost, currency })})`;
    case 'late':
      return `late for ${period}: ${step.billedAmount + step.amount} − ${step.billedAmount} billed before = ${money(step.amount)}`;
    case 'carried':
      return `carried forward from ${period}: ${money(step.amount)}`;
    case 'sum':
      return `due for ${period}: ${step.amounts.join(' + ') || 'no line'} = ${money(step.amountDue)}`;
    case 'digest':
      return `the digest of plan version, inputs and amount fits: ${step.digest}`;
    case 'stripe':
      return `${step.status}; Stripe's item ${step.stripeInvoiceItemId ?? 'none'}, invoice ${step.stripeInvoiceId ?? 'none'}`;
  }
}

function usage({ counted, verifiedAt }: Extract<Step, { kind: 'usage' }>): string {
  if (counted === null) {
    return verifiedAt === null
      ? 'its events are past retention, and its close did not count them'
      : `its events are past retention; its close counted them, at ${verifiedAt}`;
  }
  const { metered, corrections } = counted;
  return `${metered.events} events with ${metered.tokens}, ${corrections.events} corrections with ${corrections.tokens}`;
}

const span = ({ plan, subscriptionId, from, to }: HeldPlan) =>
  `${plan} from ${from}${to === null ? '' : ` to ${to}`} (${subscriptionId})`;

/** Exact to the last digit, and rounded once (R2). */
function arithmetic({
  usedTokens,
  tokenLimit,
  overageTokens,
  ratePer1000,
  overageCost,
}: Extract<Step, { kind: 'rating' }>): string {
  if (ratePer1000 === null) return `a hard limit of ${tokenLimit}, so 0`;
  const overage = `max(0, ${usedTokens} − ${tokenLimit})`;
  const thousandths = BigInt(overageTokens) * BigInt(ratePer1000);
  const rest = String(thousandths % 1000n).padStart(3, '0');
  const exact = `${thousandths / 1000n}${rest === '000' ? '' : `.${rest}, half up ${overageCost}`}`;
  return `${overage} = ${overageTokens} × ${ratePer1000} ÷ 1000 = ${exact}`;
}
