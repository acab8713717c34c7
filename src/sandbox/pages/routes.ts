import express, { type Request, type Response, Router } from 'express';
import { StripeFailure } from '../http/error.js';
import { type Account, idOf } from '../stripe/account.js';
import { attachCard, TEST_CARDS } from '../stripe/billing/cards.js';
import { subscriptionOf } from '../stripe/billing/finalization.js';
import { attemptPayment, confirmPayment } from '../stripe/billing/payment.js';
import { paymentIntentOf } from '../stripe/billing/paymentIntent.js';
import { scheduleOf } from '../stripe/billing/scheduled.js';
import { NotSubscribed } from '../stripe/billing/subscribe.js';
import { completeCheckout } from '../stripe/resources/checkout.js';
import { bankPage, checkoutPage } from './checkout.js';
import { invoicePage } from './invoice.js';
import { mailboxPage, mailPage } from './mailbox.js';
import { overviewPage } from './overview.js';
import { portalPage } from './portal.js';
import { actInPortal, type PortalForm } from './portalActions.js';

type Form = Record<string, string | undefined>;

/** The pages that customers and developers see in a browser. */
export function pageRoutes(account: Account, settled: () => void): Router {
  const { store } = account;
  const router = Router();
  router.use(express.urlencoded());

  /** Does what a customer asked for; null when it went well, else what to tell them. */
  const attempt = (work: () => StripeFailure | null | undefined): string | null => {
    try {
      const failure = store.transaction(work);
      return failure?.message ?? null;
    } catch (error) {
      if (error instanceof StripeFailure || error instanceof NotSubscribed) return error.message;
      throw error;
    } finally {
      settled();
    }
  };
  const show = (response: Response, markup: string, failed = false) =>
    response
      .status(failed ? 402 : 200)
      .type('html')
      .send(markup);

  router.get('/', (_, response) => show(response, overviewPage(store)));
  router.get('/mailbox', (_, response) =>
    show(response, mailboxPage(store.page('mail', {}, { limit: 200 }).data)),
  );
  router.get('/mailbox/:id', (request, response) =>
    show(response, mailPage(account.get('mail', request.params.id))),
  );

  router.get('/c/:id', (request, response) =>
    show(response, checkoutPage(account.get('checkout.session', request.params.id), null)),
  );
  router.post('/c/:id', (request, response) => {
    const { card = '', email, confirmed }: Form = request.body;
    const session = account.get('checkout.session', request.params.id);
    const address = email ?? session.customer_email ?? '';
    if (TEST_CARDS[card]?.behaviour.kind === 'authenticate' && confirmed === undefined)
      return show(response, bankPage({ card, email: address }));
    const error =
      confirmed === 'false'
        ? 'We are unable to authenticate your payment method. Please choose a different payment method and try again.'
        : attempt(() => {
            completeCheckout(account, session.id, {
              card,
              email: address,
              confirmed: confirmed === 'true',
            });
            return null;
          });
    if (error !== null) return show(response, checkoutPage(session, error), true);
    return response.redirect(
      303,
      (session.success_url ?? '/').replace('{CHECKOUT_SESSION_ID}', session.id),
    );
  });

  const showInvoice = (response: Response, id: string, error: string | null) => {
    const invoice = account.get('invoice', id);
    const waits =
      invoice.status === 'open' && paymentIntentOf(account, invoice)?.status === 'requires_action';
    return show(response, invoicePage(invoice, waits, error), error !== null);
  };
  router.get('/i/:id', (request, response) => showInvoice(response, request.params.id, null));
  router.post('/i/:id', (request, response) => {
    const { card, confirmed }: Form = request.body;
    const invoice = account.get('invoice', request.params.id);
    const error = attempt(() => {
      if (confirmed !== undefined) confirmPayment(account, invoice, confirmed === 'true');
      else if (invoice.status === 'open' || invoice.status === 'uncollectible')
        return payBy(account, invoice.id, card ?? '');
      return null;
    });
    return showInvoice(response, invoice.id, error);
  });

  const showPortal = (
    request: Request<{ id: string }>,
    response: Response,
    error: string | null,
  ) => {
    const session = account.get('billing_portal.session', request.params.id);
    const customer = account.get('customer', session.customer);
    const subscriptions = store.all('subscription', {
      customer: customer.id,
      status: { not: 'canceled' },
    });
    const card =
      customer.invoice_settings.default_payment_method ?? subscriptions[0]?.default_payment_method;
    const markup = portalPage(
      {
        customer,
        card: card ? store.find('payment_method', idOf(card)) : undefined,
        subscriptions: subscriptions.map((subscription) => ({
          subscription,
          schedule: scheduleOf(account, subscription),
        })),
        prices: store.all('price', { active: true, type: 'recurring' }),
        open: store.all('invoice', { customer: customer.id, status: 'open' }),
        session,
      },
      error,
    );
    return show(response, markup, error !== null);
  };
  router.get('/p/:id', (request, response) => showPortal(request, response, null));
  router.post('/p/:id', (request, response) => {
    const form: PortalForm = request.body;
    const { customer } = account.get('billing_portal.session', request.params.id);
    const error = attempt(() => {
      actInPortal(account, customer, form);
      return null;
    });
    return showPortal(request, response, error);
  });

  router.use((error: unknown, _: Request, response: Response, next: express.NextFunction) => {
    if (error instanceof StripeFailure)
      response.status(error.status).type('text').send(error.message);
    else next(error);
  });
  return router;
}

/** The customer pays on the invoice's page; a card used for a subscription becomes its card. */
function payBy(account: Account, id: string, card: string): StripeFailure | null {
  const invoice = account.get('invoice', id);
  const subscription = subscriptionOf(account, invoice);
  const method = attachCard(account, card, idOf(invoice.customer ?? ''));
  const failure = attemptPayment(account, invoice, { automatic: false, paymentMethod: method.id });
  if (!failure && subscription)
    account.update(account.get('subscription', subscription.id), {
      default_payment_method: method.id,
    });
  return failure;
}
