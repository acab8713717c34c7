import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Hint, OperatorAction, TeamState } from '../src/domain/team.js';

/** What happened, once or more: an id, a kind and what it names, never a payload of a customer (R21). */
export const fact = defineSignal<[Hint, ...Hint[]]>('fact');

/** Who acts and why; without an invoice all open ones are meant (R31). */
export interface OperatorInput {
  actor: string;
  reason: string;
  invoiceId?: string;
  /** The end of the grace, with an offset or `Z`; for `extendGrace` alone. */
  until?: string;
}

/** Text that Postgres takes: a turn with any other could never be written, and would stop its team. */
function isText(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= 1_000 &&
    value.isWellFormed() &&
    !value.includes('\0')
  );
}

/** An instant as `Date.toISOString` writes it, of four-digit years: others neither sort as text nor fit Postgres. */
function isInstant(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /^[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  );
}

/** A time as an operator writes it: to the minute or finer, and of which zone. */
function isTime(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    /^[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  );
}

/** Whether a signal is one: anyone can send it from Temporal UI, and a malformed one must not stop a team. */
export function isHint(value: Hint): boolean {
  const { kind, id, type, object, at, n } = value ?? {};
  const named = isText(id) && isText(type) && (object === null || isText(object));
  const numbered = n === undefined || Number.isSafeInteger(n);
  return kind === 'hint' && named && numbered && isInstant(at);
}

/** What is wrong with an Update, which comes from Temporal UI and the CLI, too; null when nothing is (R31). */
export function inputError(
  action: OperatorAction,
  input: unknown,
  updateId: string,
): string | null {
  if (typeof input !== 'object') return 'R31: the input must be { actor, reason, … }.';
  const given: Record<string, unknown> = { ...input };
  const { actor, reason, invoiceId, until, ...others } = given;
  if (!isText(updateId)) return 'R31: updateId must be a text.';
  if (!isText(actor)) return 'R31: actor must be a text: who acts.';
  if (!isText(reason)) return 'R31: reason must be a text: why.';
  if (invoiceId !== undefined && !isText(invoiceId)) {
    return 'R31: invoiceId must be the id of an invoice.';
  }
  if (action === 'extendGrace' ? !isTime(until) : until !== undefined) {
    return 'R31: until must be a time such as 2026-12-01T17:00:00+07:00, and is of extendGrace alone.';
  }
  // Misspelt, an invoice would be none, and the act would be on all of them.
  const unknown = Object.keys(others)[0];
  return unknown === undefined ? null : `R31: ${unknown} is no part of an act.`;
}

/** One Update for each act, of the same name. */
export const updates = {
  retryPayment: defineUpdate<TeamState, [OperatorInput]>('retryPayment'),
  extendGrace: defineUpdate<TeamState, [OperatorInput]>('extendGrace'),
  pauseDunning: defineUpdate<TeamState, [OperatorInput]>('pauseDunning'),
  resumeDunning: defineUpdate<TeamState, [OperatorInput]>('resumeDunning'),
  waive: defineUpdate<TeamState, [OperatorInput]>('waive'),
  resync: defineUpdate<TeamState, [OperatorInput]>('resync'),
} as const satisfies Record<OperatorAction, unknown>;

export const state = defineQuery<TeamState>('state');
