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

export const retryPayment = defineUpdate<TeamState, [OperatorInput]>('retryPayment');
export const waive = defineUpdate<TeamState, [OperatorInput]>('waive');
export const resync = defineUpdate<TeamState, [OperatorInput]>('resync');

export const state = defineQuery<TeamState>('state');
