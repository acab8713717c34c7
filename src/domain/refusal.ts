import type { OperatorAction, TeamState } from './team.js';

/** Why an operator's act does not apply (R31). */
export interface Refusal {
  code: 'no_open_invoice';
  detail: string;
}

/** What speaks against an act on a team in this state; null when nothing does. */
export function refusal(
  { ladders }: TeamState,
  action: OperatorAction,
  invoiceId: string | null,
): Refusal | null {
  if (action === 'resync') return null;
  const named = ladders.filter((l) => invoiceId === null || l.invoiceId === invoiceId);
  if (named.some(({ strike }) => strike > 0 || action === 'waive')) return null;
  return {
    code: 'no_open_invoice',
    detail: `R31: ${invoiceId ?? 'the team'} has no unpaid invoice to act on.`,
  };
}
