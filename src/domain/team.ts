import type { DunningMail, DunningPolicy, Ladder } from './dunning.js';
import type { Instant } from './instant.js';
import type { PlanId } from './plans.js';
import type { Subscription } from './subscription.js';

/** What the host product may call a team. */
export const TEAM_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** All that is kept of a team between two facts: ids, states and times (R21). Plain JSON. */
export interface TeamState {
  teamId: string;
  /** Counts the turns, so that a late write of an earlier one is known as such. */
  turn: number;
  customerId: string | null;
  subscription: Subscription | null;
  tier: PlanId;
  /** The plan period that is open (R37). */
  held: PlanPeriod | null;
  ladders: Ladder[];
  /** Invoices whose ladder has ended, latest last: none of them starts one again (R20). */
  closed: string[];
  /** Whether a strike was told of since no invoice was open (R26). */
  unrecovered?: boolean;
  /** Invoices without a ladder whose payment the customer was asked to confirm (R27). */
  askedToConfirm?: string[];
  /** Invoices to mark uncollectible at Stripe (R31), and to take from Stripe's own retries (R24). */
  writeOffs: string[];
  holds: string[];
  /** What is being read at Stripe, and what to read after that. */
  reading: Reading | null;
  wanted: Omit<Reading, 'number'> | null;
  /** Number of the reading after which records of usage may have been billed (R34). */
  settling: number | null;
  attention: 'none' | 'unknown_price' | 'second_subscription';
  /** Customers of the team that Stripe does not have, as was told; absent from states of before. */
  unknownCustomerIds?: string[];
  /** When the plan period that was open last ended; absent from states of before. */
  heldUntil?: Instant;
  /** The smaller plan whose place, in the same subscription, the one held has taken; absent from states of before. */
  outgrown?: PlanPeriod | null;
  /** Subscriptions whose plan periods are written or under way (R37); absent from states of before. */
  accountedSubscriptionIds?: string[];
  /** What the timeline or a mail has told of once, latest last; absent from states of before. */
  told?: string[];
  /** The billing time zone, in which operators are shown times; absent from states of before. */
  zone?: string;
  /** How far the last reading went in the order of receipt; absent from states of before. */
  readUpTo?: Mark;
  /** Ids of the facts taken last (R17). */
  seen: string[];
  /** The operators' acts taken last (R31); absent from states of before. */
  acts?: TakenAct[];
}

export interface PlanPeriod {
  plan: PlanId;
  subscriptionId: string;
  startsAt: Instant;
  endsAt: Instant | null;
}

/** A place in the order in which events are received, and the time at Stripe, or here when it was read. */
export interface Mark {
  n: number;
  at: Instant;
}

/** Objects that facts have named, to be read as they are now (R16). */
export interface Reading {
  number: number;
  subscriptionIds: string[];
  invoiceIds: string[];
  /** Payment methods that were added or updated, and when. */
  cards: { id: string; at: Instant }[];
  /** Charges that were refunded, and disputes; absent from readings of before. */
  chargeIds?: string[];
  disputeIds?: string[];
  /** Whether an invoice was finalised or the subscription ended: usage billed with it is settled then. */
  settle: boolean;
  /** The first fact that asked. */
  cause: string;
  /** When the subscription changed, by the earliest fact that said so (R37). */
  changedAt: Instant | null;
  /** The same by the latest one; absent from readings of before. */
  lastChangedAt?: Instant | null;
  /** Of the latest fact that asked; absent where one of them has no place in the order of receipt. */
  upTo?: Mark;
}

/** An invoice as it is at Stripe. */
export interface Invoice {
  id: string;
  status: 'open' | 'paid' | 'void' | 'uncollectible';
  subscriptionId: string | null;
  /** Only renewals and the like have a ladder: not a first payment, not an invoice of ours (R22). */
  origin: 'first_payment' | 'subscription' | 'other';
  amountDue: number;
  needsConfirmation: boolean;
  /** When the bank asked for it, and for which payment method; null or absent where no charge tells. */
  question?: { at: Instant; paymentMethodId: string | null } | null;
  /** Scheduled attempts by Stripe's count: the first, whoever made it, then Stripe's own; absent from readings of before. */
  attemptCount?: number;
  /** When Stripe tries by itself again; null, or absent, when it does not. */
  nextPaymentAttemptAt?: Instant | null;
  /** Failed attempts, oldest first (R23). */
  failures: { id: string; at: Instant; paymentMethodId: string | null }[];
}

/** What is true at Stripe now. */
export interface Truth {
  customerId: string | null;
  /** Those asked for that Stripe does not have; absent from readings of before. */
  unknownCustomerIds?: string[];
  subscriptions: Subscription[];
  invoices: Invoice[];
  /** Of the subscription and of the customer. */
  defaultPaymentMethodIds: string[];
  policy: DunningPolicy;
  /** The billing time zone; absent from readings of before. */
  zone?: string;
  /** All that was received until then is in it; absent from readings of before. */
  upTo?: Mark;
  /** What follows is absent from readings of before: whether an invoice that was named may hold usage that is settled with its end (R34). */
  settles?: boolean;
  refunds?: Refund[];
  disputes?: Dispute[];
}

/** Money that went back to the customer; it changes nothing of the team. */
export interface Refund {
  id: string;
  chargeId: string;
  customerId: string | null;
  /** Minor units. */
  amount: number;
}

/** A charge that its cardholder disputes. */
export interface Dispute {
  id: string;
  chargeId: string | null;
  /** Minor units. */
  amount: number;
  reason: string;
  /** How it ended; null while it is open. */
  closedAs: string | null;
}

/** How a payment attempt ended (R28); what has no answer yet is tried again and is no outcome. */
export type Outcome =
  | { kind: 'paid' }
  | { kind: 'declined'; failureId: string; paymentMethodId: string | null }
  | { kind: 'confirm' }
  | { kind: 'gone' }
  | { kind: 'stopped'; code: string }
  /** Stripe replays a stored error under this number's key, and no new charge: a new number is due (R35). */
  | { kind: 'key_spent' };

export const operatorActions = [
  'retryPayment',
  'extendGrace',
  'pauseDunning',
  'resumeDunning',
  'waive',
  'resync',
] as const;

export type OperatorAction = (typeof operatorActions)[number];

/** What makes an act the same as another (R31). */
export type TakenAct = Pick<Act, 'id' | 'action' | 'invoiceId' | 'until'>;

export interface Act {
  kind: 'act';
  id: string;
  action: OperatorAction;
  actor: string;
  reason: string;
  invoiceId: string | null;
  /** The end of a grace. */
  until?: Instant;
  /** Absent from acts of before, whose ids were among those of facts and which were not looked at again. */
  apart?: true;
}

/** A hint that something changed; `object` is the id of what to read, where there is one. */
export interface Hint {
  kind: 'hint';
  id: string;
  /** Stripe's event type, or `team.customer_changed`, `resync`. */
  type: string;
  object: string | null;
  at: Instant;
  /** Place in the order of receipt of an event of Stripe; absent from all other hints, and from those of before. */
  n?: number;
}

export type Fact =
  | Hint
  | Act
  | { kind: 'read'; number: number; truth: Truth }
  | { kind: 'attempted'; invoiceId: string; number: number; outcome: Outcome }
  /** `refused`: Stripe's code where it would not; absent from histories of before. */
  | { kind: 'written_off'; invoiceId: string; refused?: string | null }
  | { kind: 'held'; invoiceId: string; refused?: string | null }
  | { kind: 'settled'; number: number }
  | { kind: 'due' };

export interface TimelineEntry {
  kind: string;
  summary: string;
  cause: string;
  actor: string;
  details: Record<string, string | number | null>;
}

/** What a mail of the ladder says; the link to pay is kept apart, for it is a secret of sorts. */
export interface DunningMailDetails {
  invoiceId: string;
  /** Minor units. */
  amountDue: number;
  nextAttemptAt: Instant | null;
}

/** A mail that goes with a turn: its kind, and what it says. */
export type MailEffect =
  | { kind: 'mail'; mail: DunningMail; cause: string; details: DunningMailDetails }
  | { kind: 'mail'; mail: 'trial-ending'; cause: string; details: { plan: PlanId; at: Instant } }
  | {
      kind: 'mail';
      mail: 'plan-changed';
      cause: string;
      details: { from: PlanId; to: PlanId; at: Instant };
    };

/** What is written with the new state, in the same transaction. */
export type Effect =
  | MailEffect
  | { kind: 'timeline'; entry: TimelineEntry }
  /** `movedFrom`: the start that it had until now, where that is another one. */
  | { kind: 'plan_period'; period: PlanPeriod; movedFrom?: Instant }
  /** The ladder of an invoice has ended: what was not mailed of it is not to be (R26). */
  | { kind: 'withdraw_mails'; invoiceId: string };

/** A team of which nothing is known but its id, and its customer where the host named one. */
export function newTeam(teamId: string, customerId: string | null): TeamState {
  return {
    teamId,
    turn: 0,
    customerId,
    subscription: null,
    tier: 'free',
    held: null,
    ladders: [],
    closed: [],
    writeOffs: [],
    holds: [],
    reading: null,
    wanted: null,
    settling: null,
    attention: 'none',
    unknownCustomerIds: [],
    seen: [],
  };
}
