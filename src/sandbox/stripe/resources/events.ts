import { z } from 'zod';
import { flag, params, range, text } from '../../http/params.js';
import { listRoute, route } from '../route.js';

export const eventRoutes = [
  route('get', '/v1/events/:id', params({}), (account, _, id) => account.get('event', id)),
  listRoute(
    '/v1/events',
    'event',
    {
      type: text.optional(),
      types: z.array(text).optional(),
      delivery_success: flag.optional(),
      created: range.optional(),
    },
    ({ type, types, delivery_success, created }) => ({
      created,
      type: types ? { in: types } : type,
      pending_webhooks: delivery_success === undefined ? undefined : delivery_success ? 0 : 1,
    }),
  ),
];
