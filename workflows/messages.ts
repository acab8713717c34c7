import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Hint, TeamState } from '../src/domain/team.js';

/** Something happened: an id, a kind and what it names, never a payload of a customer (R21). */
export const fact = defineSignal<[Hint]>('fact');

/** Who acts and why; without an invoice all open ones are meant (R31). */
export interface OperatorInput {
  actor: string;
  reason: string;
  invoiceId?: string;
}

/** Whether a signal is one: anyone can send it from Temporal UI, and a malformed one must not stop a team. */
export function isHint(value: Hint): boolean {
  const { kind, id, type, object, at } = value ?? {};
  const named = [id, type, at].every((text) => typeof text === 'string' && text !== '');
  return kind === 'hint' && named && (object === null || typeof object === 'string');
}

/** What is wrong with an Update's input, which comes from Temporal UI and the CLI, too; null when nothing is. */
export function inputError({ actor, reason, invoiceId }: OperatorInput): string | null {
  const isText = (text: unknown) =>
    typeof text === 'string' && text.length > 0 && text.length <= 1_000 && !text.includes('\0');
  if (!isText(actor)) return 'actor must be a text: who acts';
  if (!isText(reason)) return 'reason must be a text: why';
  if (invoiceId !== undefined && !isText(invoiceId))
    return 'invoiceId must be the id of an invoice';
  return null;
}

export const retryPayment = defineUpdate<TeamState, [OperatorInput]>('retryPayment');
export const waive = defineUpdate<TeamState, [OperatorInput]>('waive');
export const resync = defineUpdate<TeamState, [OperatorInput]>('resync');

export const state = defineQuery<TeamState>('state');
