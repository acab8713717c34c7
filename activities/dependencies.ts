import type { ServerClient } from 'postmark';
import type Stripe from 'stripe';
import type { Pool } from '../src/db/pool.js';
import type { DunningPolicy } from '../src/domain/dunning.js';
import type { PlanPrices } from '../src/stripe/truth.js';

export interface ActivityDependencies {
  pool: Pool;
  stripe: Stripe;
  /** At the pace that Stripe allows to an endpoint, for what a close sends by the thousands. */
  pacedStripe: Stripe;
  postmark: ServerClient;
  prices: PlanPrices;
  policy: DunningPolicy;
  mailFrom: string;
  /** Who is told how a close has ended; undefined: nobody is. */
  operationsEmail: string | undefined;
  zone: string;
  /** Whether the summary of a month has its statement with it. */
  attachStatement: boolean;
  closeGraceMs: number;
  retentionMonths: number;
  /** Aborted when the worker is to stop: what takes long ends early, for another to go on with. */
  stopping: AbortSignal;
}
