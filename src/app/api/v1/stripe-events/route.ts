import { z } from 'zod';
import type { Pool } from '../../../../db/pool.js';
import { eventStatuses, listStripeEvents } from '../../../../db/stripeEvents.js';
import { answer, endpoint } from '../../../endpoint.js';
import { requireUnbound } from '../../../mount.js';
import { decodeCursor, page, pageOf, pageQuery } from '../../../pagination.js';
import { text } from '../../../schemas.js';

const stripeEvent = z
  .object({
    id: z.string(),
    type: z.string(),
    objectId: z.string().nullable(),
    customerId: z.string().nullable(),
    teamId: z.string().nullable(),
    receivedAt: z.iso.datetime(),
  })
  .meta({ id: 'StripeEvent' });

const position = z.object({ receivedAt: z.iso.datetime(), id: text(255) });

export const stripeEventEndpoints = (pool: Pool) => [
  endpoint({
    method: 'get',
    path: '/api/v1/stripe-events',
    summary: 'Events that wait for a team or for Temporal, or were delivered, oldest first',
    scope: 'operate',
    params: z.strictObject({}),
    query: z.strictObject({ ...pageQuery, status: z.enum(eventStatuses) }),
    body: undefined,
    answers: { 200: pageOf(stripeEvent) },
    problems: [],
    async handle({ query: { limit, cursor, status }, key }) {
      requireUnbound(key);
      const last = decodeCursor(cursor, position);
      const after = last === undefined ? null : { ...last, receivedAt: new Date(last.receivedAt) };
      const rows = await listStripeEvents(pool, status, after, limit + 1);
      const shown = rows.map((row) => ({ ...row, receivedAt: row.receivedAt.toISOString() }));
      const body = page(
        shown,
        limit,
        (row) => row,
        ({ receivedAt, id }) => ({ receivedAt, id }),
      );
      return answer(200, body);
    },
  }),
];
