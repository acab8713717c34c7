import { type Request, type Response, Router } from 'express';
import { type Fault, type Faults, faultAnswer } from '../faults.js';
import { type Answer, json, rawBody } from '../http/answer.js';
import { StripeFailure } from '../http/error.js';
import { present } from '../http/expand.js';
import { parseForm } from '../http/form.js';
import type { IdempotencyKeys } from '../http/idempotency.js';
import type { RequestLog } from '../http/requestLog.js';
import { serve } from '../http/wire.js';
import { type Account, newId } from './account.js';
import { NotSubscribed } from './billing/subscribe.js';
import { STRIPE_ROUTES } from './resources/routes.js';
import type { Route } from './route.js';

interface Parts {
  account: Account;
  faults: Faults;
  keys: IdempotencyKeys;
  log: RequestLog;
  /** Called when a request may have caused events. */
  settled: () => void;
}

/** Stripe's API as an Express router. */
export function stripeApi(parts: Parts): Router {
  const router = Router();
  const handle = (route: Route | null) => (request: Request, response: Response) => {
    const key = request.method === 'POST' ? (request.get('idempotency-key') ?? null) : null;
    const entry = parts.log.open(request.method, request.path, key);
    entry.status = serve(
      parts.faults,
      request,
      response,
      (fault) => answer(parts, route, request, key, fault),
      () => (key === null ? () => undefined : parts.keys.hold(key)),
    );
    parts.settled();
  };
  for (const route of STRIPE_ROUTES) router[route.method](route.path, handle(route));
  router.all('/v1/*rest', handle(null));
  return router;
}

function answer(
  parts: Parts,
  route: Route | null,
  request: Request,
  key: string | null,
  storedFault?: Fault,
): Answer {
  const id = newId('req');
  const version = request.get('stripe-version');
  const headers = {
    'request-id': id,
    ...(version ? { 'stripe-version': version } : {}),
    ...(key === null ? {} : { 'idempotency-key': key }),
  };
  try {
    authenticate(request);
    const path = request.path;
    const body =
      request.method === 'POST' ? rawBody(request) : (request.originalUrl.split('?')[1] ?? '');
    const replay = key === null ? undefined : parts.keys.replay(key, path, body);
    if (replay) return replay;
    if (!route) throw unrecognized(request);
    // What fails before this line was never executed, so nothing is kept under the key.
    const call = route.prepare(parseForm(body));
    const origin = { id, idempotencyKey: key };
    const run = () => execute(parts.account, call, request, origin);
    return parts.account.store.transaction(() => {
      if (storedFault?.after) run();
      const result = storedFault ? faultAnswer(storedFault) : run();
      const complete = { ...result, headers: { ...headers, ...result.headers } };
      if (key !== null) parts.keys.keep(key, path, body, complete);
      return complete;
    });
  } catch (error) {
    if (error instanceof StripeFailure) return json(error.status, error.body, headers);
    throw error;
  }
}

function execute(
  account: Account,
  call: ReturnType<Route['prepare']>,
  request: Request,
  origin: NonNullable<Account['request']>,
): Answer {
  account.request = origin;
  try {
    return account.store.transaction(
      () =>
        json(
          200,
          present(
            account.store,
            call.run(account, { ...request.params } as Record<string, string>),
            call.expand,
          ),
        ),
      // A payment that was tried leaves its charge behind.
      (error) => error instanceof StripeFailure && error.body.error.payment_intent !== undefined,
    );
  } catch (error) {
    const failure = error instanceof NotSubscribed ? error.failure : error;
    if (failure instanceof StripeFailure) return json(failure.status, failure.body);
    throw error;
  } finally {
    account.request = null;
  }
}

function authenticate(request: Request): void {
  const given = /^(Bearer|Basic) (\S+)$/.exec(request.get('authorization') ?? '');
  if (!given)
    throw new StripeFailure(
      401,
      'invalid_request_error',
      "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
    );
}

function unrecognized(request: Request): StripeFailure {
  return new StripeFailure(
    404,
    'invalid_request_error',
    `Unrecognized request URL (${request.method}: ${request.originalUrl.split('?')[0]}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`,
  );
}
