import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type Answer, json } from './http/answer.js';

export const regularExpression = z.string().refine((source) => {
  try {
    return new RegExp(source) instanceof RegExp;
  } catch {
    return false;
  }
}, 'not a regular expression');

export const faultSchema = z.strictObject({
  method: z.string().toUpperCase().optional(),
  /** The source of a regular expression, matched on the path. */
  path: regularExpression,
  /** Likewise, matched on the request's idempotency key. */
  idempotencyKey: regularExpression.optional(),
  times: z.int().positive().optional(),
  kind: z.enum(['error', 'timeout', 'reset']),
  status: z.int().min(400).max(599).default(500),
  body: z.unknown().optional(),
  headers: z.record(z.string(), z.string()).default({}),
  /** Perform the request first, then fail: a network cut after the effect. */
  after: z.boolean().default(false),
  /** An error that Stripe keeps under the request's idempotency key. */
  stored: z.boolean().default(false),
});
export type Fault = z.output<typeof faultSchema> & { id: string; hits: number };

/** Failures on purpose, of any Stripe or Postmark request. */
export class Faults {
  private active: Fault[] = [];

  add(wish: z.output<typeof faultSchema>): Fault {
    const fault = { ...wish, id: randomUUID(), hits: 0 };
    this.active.push(fault);
    return fault;
  }

  list(): Fault[] {
    return this.active;
  }

  clear(): void {
    this.active = [];
  }

  /** The fault that strikes this request, used up by one. */
  take(method: string, path: string, key = ''): Fault | undefined {
    const fault = this.active.find(
      (f) =>
        (f.method ?? method) === method &&
        new RegExp(f.path).test(path) &&
        new RegExp(f.idempotencyKey ?? '').test(key),
    );
    if (!fault) return undefined;
    fault.hits += 1;
    if (fault.hits === fault.times) this.active = this.active.filter((other) => other !== fault);
    return fault;
  }
}

export function faultAnswer(fault: Fault): Answer {
  const body = fault.body ?? {
    error: { message: 'An unknown error occurred', type: 'api_error' },
  };
  return json(fault.status, body, fault.headers);
}
