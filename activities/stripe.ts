import { ApplicationFailure } from '@temporalio/activity';
import Stripe from 'stripe';
import { putInvoiceLink } from '../src/db/invoiceLinks.js';
import { receivedUpTo } from '../src/db/outbox.js';
import { findTeam } from '../src/db/teams.js';
import { openBillings } from '../src/db/usageBillings.js';
import type { Call } from '../src/domain/calls.js';
import type { Outcome, Truth } from '../src/domain/team.js';
import { type Placement, placeDispute } from '../src/services/stripeEvents.js';
import { describeError, retryAfter, StripeUnavailable } from '../src/stripe/errors.js';
import { attemptPayment, holdInvoice, writeOff } from '../src/stripe/payment.js';
import { readTruth } from '../src/stripe/truth.js';
import { alive } from './alive.js';
import type { ActivityDependencies } from './dependencies.js';
import { nowAtTheLatest } from './now.js';

type ReadCall = Extract<Call, { kind: 'read' }> & { teamId: string };
type AttemptCall = Extract<Call, { kind: 'attempt' }>;

export const stripeActivities = ({
  pool,
  stripe,
  prices,
  policy,
  zone,
}: Pick<ActivityDependencies, 'pool' | 'stripe' | 'prices' | 'policy' | 'zone'>) => ({
  /** What is true of the team at Stripe now (R16). Links to invoices go to Postgres, not into the history. */
  async readTeam(call: ReadCall): Promise<Truth> {
    const { teamId, customerId, subscriptionId, reading, ladders, askedToConfirm = [] } = call;
    return answered(async () => {
      const upTo = await receivedUpTo(pool);
      const [team, billings] = await Promise.all([
        findTeam(pool, teamId),
        openBillings(pool, teamId),
      ]);
      // The host may have named another customer than the one that is subscribed.
      const customerIds = [...new Set([team?.stripeCustomerId, customerId])].filter(
        (id) => id !== null && id !== undefined,
      );
      // Open invoices are listed. That another one is closed matters where it has a ladder, where its
      // customer was asked to confirm it, and to usage that waits for its end (R34). Of two customers
      // only one has its invoices listed.
      const namesCount = billings.length > 0 || customerIds.length > 1;
      const { links, ...truth } = await readTruth(
        stripe,
        {
          customerIds,
          subscriptionId,
          subscriptionIds: reading.subscriptionIds,
          invoiceIds: [
            ...new Set([...(namesCount ? reading.invoiceIds : []), ...ladders, ...askedToConfirm]),
          ],
          chargeIds: reading.chargeIds ?? [],
          disputeIds: reading.disputeIds ?? [],
        },
        prices,
      );
      for (const [id, url] of links) await putInvoiceLink(pool, teamId, id, url);
      return { ...truth, policy, zone, upTo };
    });
  },

  /** Tries to pay, once for each number (R35). */
  async attemptPayment({ invoiceId, attempt, knownFailures }: AttemptCall): Promise<Outcome> {
    return answered(() =>
      attemptPayment(stripe, { invoiceId, ...attempt, knownFailures }, nowAtTheLatest()),
    );
  },

  async writeOff(invoiceId: string): Promise<string | null> {
    return answered(() => writeOff(stripe, invoiceId));
  },

  /** Brings a dispute to the team whose charge it is (R18). */
  async placeDispute(eventId: string): Promise<Placement> {
    return answered(() => placeDispute(pool, stripe, eventId));
  },

  async holdInvoice(invoiceId: string): Promise<string | null> {
    return answered(() => holdInvoice(stripe, invoiceId));
  },
});

/**
 * What Stripe answers, with a heartbeat while it takes its time. Its errors are made safe to show: Temporal
 * keeps a failure for as long as the history.
 */
export async function answered<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await alive(call);
  } catch (error) {
    if (error instanceof StripeUnavailable) {
      throw tryAgain(error.name, error.message, error.retryAfter);
    }
    if (!(error instanceof Stripe.errors.StripeError)) throw error;
    throw tryAgain(error.type, describeError(error), retryAfter(error));
  }
}

/** `seconds`: when Stripe wants to be asked again, where it says so. */
function tryAgain(type: string, message: string, seconds: number | null): ApplicationFailure {
  const nextRetryDelay = seconds === null ? undefined : seconds * 1_000;
  return ApplicationFailure.create({ type, message, nextRetryDelay });
}
