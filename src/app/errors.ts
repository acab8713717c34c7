import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from 'pino';
import { isUnavailable } from '../db/pool.js';
import { ActRefused } from '../services/acts.js';
import { IdempotencyConflict, UnacceptableTime } from '../services/billingService.js';
import { FuturePeriod, PeriodOpen } from '../services/closeService.js';
import { CloseNotCompleted } from '../services/closeStarter.js';
import { RecordMismatch } from '../services/explanation.js';
import { Overloaded } from '../services/groupCommit.js';
import { UnknownTeam } from '../services/knownTeam.js';
import { CorrectionBelowZero } from '../services/newUsage.js';
import {
  NotSubscribed,
  PaymentRequired,
  PlanChangeUnderWay,
  UnknownPrice,
} from '../services/planService.js';
import { AlreadySubscribed, NoCustomer } from '../services/stripePages.js';
import { CustomerTaken } from '../services/teamService.js';
import { TemporalUnavailable } from '../services/temporalUnavailable.js';
import { StripeRefused, StripeUnavailable } from '../stripe/errors.js';
import { Problem } from './problem.js';

export const notFound: RequestHandler = (request) => {
  throw new Problem(404, 'not_found', `Nothing is at ${request.method} ${request.path}.`);
};

/** Answers every error as a problem. What nobody foresaw is logged, and tells the caller nothing but its id. */
export function answerErrors(log: Logger): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error);
    const problem = asProblem(error);
    if (problem.status >= 500) {
      log.error({ err: error, requestId: response.getHeader('x-request-id') }, 'request failed');
    }
    response
      .status(problem.status)
      .set(problem.more.headers ?? {})
      .type('application/problem+json')
      .send(JSON.stringify(problem));
  };
}

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof UnknownTeam) return new Problem(404, 'unknown_team', `${error.message}.`);
  if (error instanceof IdempotencyConflict) {
    return new Problem(409, 'idempotency_conflict', error.message);
  }
  if (error instanceof UnacceptableTime) {
    const errors = [{ path: error.field, message: error.message }];
    return new Problem(400, 'invalid_request', error.message, { errors });
  }
  if (error instanceof CorrectionBelowZero) {
    return new Problem(409, 'correction_below_zero', error.message);
  }
  if (error instanceof Overloaded) {
    const headers = { 'retry-after': '1' };
    return new Problem(503, 'overloaded', error.message, { headers });
  }
  if (error instanceof CustomerTaken) return new Problem(409, 'customer_taken', error.message);
  if (error instanceof RecordMismatch) return new Problem(409, 'record_mismatch', error.message);
  if (error instanceof PeriodOpen) return new Problem(409, 'period_open', error.message);
  if (error instanceof CloseNotCompleted) {
    return new Problem(409, 'close_not_completed', error.message);
  }
  if (error instanceof FuturePeriod) {
    const errors = [{ path: 'period', message: error.message }];
    return new Problem(400, 'invalid_request', error.message, { errors });
  }
  if (error instanceof ActRefused) return new Problem(409, error.code, error.message);
  if (error instanceof AlreadySubscribed) {
    return new Problem(409, 'already_subscribed', error.message);
  }
  if (error instanceof NoCustomer) return new Problem(409, 'no_customer', error.message);
  if (error instanceof TemporalUnavailable) {
    const headers = { 'retry-after': '5' };
    return new Problem(503, 'temporal_unavailable', error.message, { headers });
  }
  return (
    planProblem(error) ??
    stripeProblem(error) ??
    requestProblem(error) ??
    databaseProblem(error) ??
    internal
  );
}

function planProblem(error: unknown): Problem | undefined {
  if (error instanceof NotSubscribed) return new Problem(409, 'not_subscribed', error.message);
  if (error instanceof UnknownPrice) return new Problem(409, 'unknown_price', error.message);
  if (error instanceof PlanChangeUnderWay) {
    const headers = { 'retry-after': '1' };
    return new Problem(409, 'plan_change_under_way', error.message, { headers });
  }
  if (error instanceof PaymentRequired) {
    const { hostedInvoiceUrl } = error;
    return new Problem(409, 'payment_required', error.message, { hostedInvoiceUrl });
  }
  return undefined;
}

/** Refused is not the caller's fault: a deleted customer, a wrong price, a key that may not. */
function stripeProblem(error: unknown): Problem | undefined {
  if (error instanceof StripeRefused) {
    const detail = `Stripe refuses this: ${error.message}. Its dashboard shows why.`;
    return new Problem(502, 'stripe_refused', detail);
  }
  if (error instanceof StripeUnavailable) {
    const headers = { 'retry-after': '5' };
    return new Problem(503, 'stripe_unavailable', 'Stripe is away; try again.', { headers });
  }
  return undefined;
}

const internal = new Problem(500, 'internal_error', 'Something failed on our side; try again.');

/** Errors of Express' body parser carry a `type`, those of unpacking zlib's `code`; a broken path is a `URIError`. */
function requestProblem(error: unknown): Problem | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof URIError) {
    return new Problem(400, 'malformed_path', 'The path holds a broken % sequence.');
  }
  if ('code' in error && String(error.code).startsWith('Z_')) {
    return new Problem(
      400,
      'malformed_encoding',
      'The body is not packed as content-encoding says.',
    );
  }
  switch ('type' in error ? error.type : undefined) {
    case 'entity.too.large':
      return new Problem(413, 'body_too_large', 'The body is larger than this route takes.');
    case 'entity.parse.failed':
      return new Problem(400, 'malformed_json', 'The body is not valid JSON.');
    case 'request.aborted':
    case 'request.size.invalid':
      return new Problem(400, 'truncated_body', 'The body ended before its content-length.');
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new Problem(
        415,
        'unsupported_encoding',
        'Send the body as UTF-8, uncompressed or gzip.',
      );
    default:
      return undefined;
  }
}

/** Postgres can't be reached: the caller tries again. */
function databaseProblem(error: unknown): Problem | undefined {
  if (!isUnavailable(error)) return undefined;
  const headers = { 'retry-after': '1' };
  return new Problem(
    503,
    'database_unavailable',
    'The ledger is away; send it again under the same key.',
    {
      headers,
    },
  );
}
