import { invalid } from '../../http/error.js';
import { integer, params, text } from '../../http/params.js';
import { newId, wallClock } from '../account.js';
import { runDue } from '../billing/cycle.js';
import { DAY } from '../billing/period.js';
import { listRoute, route } from '../route.js';
import { deleteCustomer } from './customers.js';

const LIFE = 30 * DAY;
const PATH = '/v1/test_helpers/test_clocks';

export const testClockRoutes = [
  route('post', PATH, params({ frozen_time: integer, name: text.optional() }), (account, input) =>
    account.create({
      id: newId('clock'),
      object: 'test_helpers.test_clock',
      created: wallClock(),
      deletes_after: wallClock() + LIFE,
      frozen_time: input.frozen_time,
      livemode: false,
      name: input.name ?? null,
      status: 'ready',
      status_details: {},
    }),
  ),
  route('get', `${PATH}/:id`, params({}), (account, _, id) =>
    account.get('test_helpers.test_clock', id),
  ),
  route(
    'post',
    `${PATH}/:id/advance`,
    params({ frozen_time: integer }),
    (account, { frozen_time }, id) => {
      const clock = account.get('test_helpers.test_clock', id);
      if (frozen_time <= clock.frozen_time)
        throw invalid(
          'You can only advance a test clock to a time after its current frozen time.',
          {
            param: 'frozen_time',
          },
        );
      // The work is done before the answer; the answer says what Stripe's would, and a look says `ready`.
      const advancing = {
        ...clock,
        status: 'advancing' as const,
        status_details: { advancing: { target_frozen_time: frozen_time } },
      };
      account.emit('test_helpers.test_clock.advancing', advancing);
      runDue(account, clock, frozen_time);
      account.set(clock, { frozen_time });
      account.emit('test_helpers.test_clock.ready', clock);
      return advancing;
    },
  ),
  route('delete', `${PATH}/:id`, params({}), (account, _, id) => {
    const clock = account.get('test_helpers.test_clock', id);
    for (const customer of account.store.all('customer', { test_clock: id }))
      deleteCustomer(account, customer);
    account.store.bury(clock);
    account.emit('test_helpers.test_clock.deleted', clock);
    return { id, object: 'test_helpers.test_clock', deleted: true };
  }),
  listRoute(PATH, 'test_helpers.test_clock', {}, () => ({})),
];
