import type Stripe from 'stripe';
import { z } from 'zod';
import { StripeFailure } from '../../http/error.js';
import { flag, integer, params, text } from '../../http/params.js';
import type { Account } from '../account.js';
import { changeItems } from '../billing/changeItems.js';
import { renew } from '../billing/cycle.js';
import { periodOf } from '../billing/period.js';
import { passPhase } from '../billing/schedule.js';
import { route } from '../route.js';

const previewParams = params({
  customer: text.optional(),
  subscription: text.optional(),
  subscription_details: z
    .strictObject({
      items: z
        .array(
          z.strictObject({
            id: text.optional(),
            price: text.optional(),
            quantity: integer.optional(),
            deleted: flag.optional(),
          }),
        )
        .optional(),
      proration_behavior: z.enum(['create_prorations', 'always_invoice', 'none']).optional(),
      proration_date: integer.optional(),
    })
    .optional(),
});

/** What the next invoice would be: the renewal is carried out, looked at, and undone. */
function preview(account: Account, input: z.output<typeof previewParams>): Stripe.Invoice {
  return account.store.dryRun(() => {
    const subscription = input.subscription
      ? account.get('subscription', input.subscription, 'subscription')
      : account.store.newest('subscription', {
          customer: input.customer,
          status: { not: 'canceled' },
        });
    const none = new StripeFailure(
      404,
      'invalid_request_error',
      `No upcoming invoices for customer: ${input.customer ?? ''}`,
      { code: 'invoice_upcoming_none' },
    );
    if (!subscription || subscription.status === 'canceled') throw none;
    const { items, proration_behavior, proration_date } = input.subscription_details ?? {};
    if (items)
      changeItems(account, subscription, items, {
        proration: proration_behavior === 'none' ? 'none' : 'create_prorations',
        prorationDate: proration_date ?? account.now(subscription.test_clock),
        behavior: 'allow_incomplete',
      });
    const { end } = periodOf(subscription);
    passPhase(account, subscription, end);
    const then = account.get('subscription', subscription.id);
    if (then.status === 'canceled' || (then.cancel_at !== null && then.cancel_at <= end))
      throw none;
    const invoice = renew(account, then, end);
    return { ...invoice, id: invoice.id.replace('in_', 'upcoming_in_') };
  });
}

export const previewRoutes = [route('post', '/v1/invoices/create_preview', previewParams, preview)];
