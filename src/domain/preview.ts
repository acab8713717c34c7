import type { Catalogue, PlanId } from './plans.js';
import type { ComputedRecord, Line, LineKind } from './record.js';

export type PreviewLine = Omit<Line, 'kind'> & { kind: LineKind | 'base' };

/** What a period costs so far, in minor units. */
export interface InvoicePreview {
  period: string;
  /** What usage is rated with: the highest plan held in the period (R4). */
  plan: PlanId;
  lines: PreviewLine[];
  total: number;
}

/**
 * The lines of a record, below the price of the plan held now. Like a line of nothing in a record,
 * the price of Free is left out: nobody is ever sent a bill for it.
 */
export function previewInvoice(
  { period, plan, lines, amountDue }: ComputedRecord,
  tier: PlanId,
  { plans }: Catalogue,
): InvoicePreview {
  const { monthlyPrice: amount } = plans[tier];
  const base: PreviewLine[] = amount === 0 ? [] : [{ kind: 'base', period, tokens: 0, amount }];
  return { period, plan, lines: [...base, ...lines], total: amount + amountDue };
}
