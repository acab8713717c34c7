import type { z } from 'zod';
import type { usage } from '../app/api/v1/teams/usage/route.js';
import type { batchSchema } from '../app/api/v1/usage/batch/route.js';
import type { trackedSchema, usageEvent } from '../app/api/v1/usage/usageBody.js';
import type { accessSchema, problemSchema } from '../app/schemas.js';

// The types follow from the schemas that serve the routes. The build writes them out, so that those
// who use the client need neither the schemas nor zod (setup/client.mjs).

/** One use of AI under its key: within a team the same key counts once (R9). */
export type KeyedUsageEvent = z.input<typeof usageEvent>;

/** One use of AI, to be recorded. Without an `idempotencyKey` the client makes one, before the first attempt. */
export type UsageEvent = Omit<KeyedUsageEvent, 'idempotencyKey'> & {
  idempotencyKey?: string | undefined;
};

/** What `POST /api/v1/usage` answers. */
export type UsageAnswer = z.output<typeof trackedSchema>;

/** What `POST /api/v1/usage/batch` answers. */
export type UsageBatch = z.output<typeof batchSchema>;

/**
 * A recorded event, with the totals of its team in the period it occurred in. They count the event,
 * and those that were sent with it. `duplicate` was counted before: by an earlier call, or by an
 * attempt of this one whose answer was lost.
 */
export type Tracked = UsageBatch['totals'][number] &
  Pick<KeyedUsageEvent, 'idempotencyKey'> &
  Pick<UsageAnswer, 'result'>;

/** Whether a team may go on; `allowed` alone is enough to decide. */
export type Access = z.output<typeof accessSchema>;

/** A team's usage of one period, by day, and by the values of a metadata key where asked. */
export type TeamUsage = z.output<typeof usage>;

/** An error as Tagih answers it, `application/problem+json`. */
export type Problem = z.output<typeof problemSchema>;
