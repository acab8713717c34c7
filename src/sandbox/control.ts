import express, { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { type Faults, faultSchema, regularExpression } from './faults.js';
import { invalid, StripeFailure } from './http/error.js';
import type { IdempotencyKeys } from './http/idempotency.js';
import type { RequestLog } from './http/requestLog.js';
import type { Account } from './stripe/account.js';
import { exchangeCard } from './stripe/billing/cards.js';
import { runOut } from './stripe/billing/cycle.js';
import { endSubscription } from './stripe/billing/ending.js';
import { attemptPayment, confirmPayment } from './stripe/billing/payment.js';
import { release } from './stripe/billing/schedule.js';
import { closeDispute, disputeCharge } from './stripe/resources/disputes.js';
import { replaceCard } from './stripe/resources/paymentMethods.js';
import { refundCharge } from './stripe/resources/refunds.js';
import type { Webhooks } from './webhooks.js';

interface Parts {
  account: Account;
  faults: Faults;
  keys: IdempotencyKeys;
  log: RequestLog;
  webhooks: Webhooks;
}

const query = z.object({
  to: z.string().optional(),
  tag: z.string().optional(),
  customer: z.string().optional(),
  path: regularExpression.optional(),
  type: z.string().optional(),
});

/** The sandbox's own API: what a test or a developer does to the world that Stripe and Postmark stand for. */
export function controlApi({ account, faults, keys, log, webhooks }: Parts): Router {
  const { store } = account;
  const router = Router();
  router.use(express.json(), express.urlencoded());
  const act =
    (perform: (id: string, body: unknown, request: Request) => unknown) =>
    (request: Request, response: Response) => {
      const result = store.transaction(() =>
        perform(String(request.params.id ?? ''), request.body, request),
      );
      webhooks.wake();
      if (request.accepts(['json', 'html']) === 'html')
        response.redirect(303, request.get('referer') ?? '/');
      else response.json(result ?? {});
    };

  router.post(
    '/subscriptions/:id/renew',
    act((id) => runOut(account, account.get('subscription', id))),
  );
  router.post(
    '/subscriptions/:id/cancel',
    act((id) =>
      endSubscription(account, account.get('subscription', id), { withPendingItems: false }),
    ),
  );
  router.post(
    '/schedules/:id/release',
    act((id) => release(account, account.get('subscription_schedule', id))),
  );
  router.post(
    '/customers/:id/card',
    // A card that Stripe would refuse gets in here, as one that was good when it was added.
    act((id, body) =>
      replaceCard(account, id, z.object({ card: z.string() }).parse(body).card, true),
    ),
  );
  router.post(
    '/payment-methods/:id/card',
    // The card networks replace a card by themselves.
    act((id, body) => {
      const card = z.object({ card: z.string() }).parse(body).card;
      return exchangeCard(account, account.get('payment_method', id), card);
    }),
  );
  router.post(
    '/invoices/:id/confirm',
    act((id, body) => {
      const succeed = z
        .object({ succeed: z.union([z.boolean(), z.stringbool()]) })
        .parse(body).succeed;
      confirmPayment(account, account.get('invoice', id), succeed);
      return account.get('invoice', id);
    }),
  );
  router.post(
    '/invoices/:id/retry',
    // Stripe's next automatic attempt, now.
    act((id) => {
      attemptPayment(account, account.get('invoice', id), { automatic: true });
      return account.get('invoice', id);
    }),
  );
  router.post(
    '/charges/:id/dispute',
    act((id) => disputeCharge(account, account.get('charge', id))),
  );
  router.post(
    '/disputes/:id/close',
    act((id, body) =>
      closeDispute(
        account,
        account.get('dispute', id),
        z.object({ status: z.enum(['won', 'lost']) }).parse(body).status,
      ),
    ),
  );
  router.post(
    '/charges/:id/refund',
    act((id, body) =>
      refundCharge(
        account,
        account.get('charge', id),
        z.object({ amount: z.coerce.number().int().optional() }).parse(body ?? {}),
      ),
    ),
  );

  router.post(
    '/faults',
    act((_, body) => faults.add(faultSchema.parse(body))),
  );
  router.get(
    '/faults',
    act(() => faults.list()),
  );
  router.delete(
    '/faults',
    act(() => faults.clear()),
  );
  router.delete(
    '/idempotency-keys',
    act(() => keys.forgetAll()),
  );
  router.get(
    '/requests',
    act((_, __, request) => log.list(query.parse(request.query).path)),
  );
  router.delete(
    '/requests',
    act(() => log.clear()),
  );

  const isAbout = (eventId: string, customer: string) => {
    const { object, previous_attributes = {} } = account.get('event', eventId).data;
    return (account.customerOf(object) ?? account.customerOf(previous_attributes)) === customer;
  };
  const webhookState = (customer?: string) => ({
    url: webhooks.endpoint?.url ?? null,
    paused: webhooks.paused,
    pending: webhooks.pending().filter((id) => customer === undefined || isAbout(id, customer))
      .length,
  });
  router.get(
    '/webhooks',
    // Those of one customer, where others' come and go meanwhile.
    act((_, __, request) => webhookState(query.parse(request.query).customer)),
  );
  router.post(
    '/webhooks',
    act((_, body) => {
      const wish = z
        .strictObject({
          url: z.url().optional(),
          secret: z.string().min(1).optional(),
          paused: z.boolean().optional(),
        })
        .parse(body);
      const url = wish.url ?? webhooks.endpoint?.url;
      const secret = wish.secret ?? webhooks.endpoint?.secret;
      if (url !== undefined && secret === undefined) throw invalid('A webhook needs a secret.');
      if (url !== undefined && secret !== undefined) webhooks.endpoint = { url, secret };
      webhooks.paused = wish.paused ?? webhooks.paused;
      return webhookState();
    }),
  );
  router.get(
    '/events',
    act((_, __, request) =>
      store
        .page('event', { type: query.parse(request.query).type }, { limit: 1000 })
        .data.map((event) => ({ ...event, delivery: webhooks.delivery(event.id) })),
    ),
  );
  router.post(
    '/events/:id/resend',
    act((id) => ({ queued: webhooks.queue(account.get('event', id).id) })),
  );
  router.get(
    '/mails',
    act((_, __, request) => {
      const { to, tag } = query.parse(request.query);
      return store.page(
        'mail',
        { to: to === undefined ? undefined : { contains: to }, tag },
        { limit: 10_000 },
      ).data;
    }),
  );

  router.use((error: unknown, _: Request, response: Response, next: express.NextFunction) => {
    if (error instanceof StripeFailure) response.status(error.status).json(error.body);
    else if (error instanceof z.ZodError)
      response.status(400).json({ error: z.prettifyError(error) });
    else next(error);
  });
  return router;
}
