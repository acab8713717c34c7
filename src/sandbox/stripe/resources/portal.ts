import { params, taken, text } from '../../http/params.js';
import { newId, wallClock } from '../account.js';
import { route } from '../route.js';

export const portalRoutes = [
  route(
    'post',
    '/v1/billing_portal/sessions',
    params({
      customer: text,
      return_url: text.optional(),
      ...taken('configuration', 'flow_data', 'locale'),
    }),
    (account, { customer, return_url }) => {
      account.get('customer', customer, 'customer');
      const id = newId('bps');
      return account.create({
        id,
        object: 'billing_portal.session',
        configuration: 'bpc_sandbox',
        created: wallClock(),
        customer,
        customer_account: null,
        flow: null,
        livemode: false,
        locale: null,
        on_behalf_of: null,
        return_url: return_url ?? null,
        url: `${account.pages()}/p/${id}`,
      });
    },
  ),
];
