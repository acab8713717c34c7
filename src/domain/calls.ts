import { union } from './draft.js';
import { type Attempt, dueAt } from './dunning.js';
import type { Instant } from './instant.js';
import type { Reading, TeamState } from './team.js';
import { trialDueAt } from './trial.js';

/** A call to Stripe that should be under way while the state says so. */
export type Call =
  | {
      kind: 'read';
      id: string;
      customerId: string | null;
      subscriptionId: string | null;
      reading: Reading;
      ladders: string[];
      /** Invoices that a customer was asked to confirm; absent from calls of before. */
      askedToConfirm?: string[];
    }
  | {
      kind: 'attempt';
      id: string;
      invoiceId: string;
      attempt: Attempt;
      knownFailures: string[];
    }
  | { kind: 'write_off'; id: string; invoiceId: string }
  | { kind: 'hold'; id: string; invoiceId: string }
  | { kind: 'settle'; id: string; number: number };

/** The calls that the state asks for. Their ids say when a call is another one (R35). */
export function callsOf(state: TeamState): Call[] {
  const { customerId, reading, settling } = state;
  return [
    ...(reading === null
      ? []
      : [
          {
            kind: 'read' as const,
            id: `read:${reading.number}`,
            customerId,
            subscriptionId: state.subscription?.id ?? null,
            // A customer that is the team's no more lists none of its subscriptions (R22).
            reading: {
              ...reading,
              subscriptionIds: union(
                reading.subscriptionIds,
                state.ladders.map(({ subscriptionId }) => subscriptionId),
              ),
            },
            ladders: state.ladders.map(({ invoiceId }) => invoiceId),
            askedToConfirm: state.askedToConfirm ?? [],
          },
        ]),
    ...state.ladders.flatMap(({ invoiceId, attempt, failures }) =>
      attempt === null
        ? []
        : [
            {
              kind: 'attempt' as const,
              id: `attempt:${invoiceId}:${attempt.number}`,
              invoiceId,
              attempt,
              knownFailures: failures,
            },
          ],
    ),
    ...state.writeOffs.map((invoiceId) => ({
      kind: 'write_off' as const,
      id: `write_off:${invoiceId}`,
      invoiceId,
    })),
    ...state.holds.map((invoiceId) => ({
      kind: 'hold' as const,
      id: `hold:${invoiceId}`,
      invoiceId,
    })),
    ...(settling === null
      ? []
      : [{ kind: 'settle' as const, id: `settle:${settling}`, number: settling }]),
  ];
}

/**
 * When the team's next timer is due; null when none runs, or while Stripe is being read: what a fact
 * hints at may end the ladder (R26).
 */
export function nextDueAt(state: TeamState): Instant | null {
  return state.reading === null ? nextTimerAt(state) : null;
}

/** When the team's next timer is due, also while Stripe is being read; null when none runs. */
export function nextTimerAt(state: TeamState): Instant | null {
  const due = [...state.ladders.map(dueAt), trialDueAt(state)].filter((at) => at !== null);
  return due.toSorted()[0] ?? null;
}
