import { hour, type Second } from './calendar.js';

/** What the host asks for is told by the clock of its request, and not of the year. */
export const ON_REQUEST = 'on request';

/** A line of the timeline; objects of Stripe have names in the order in which they were made. */
export interface Line {
  at: string;
  kind: string;
  details: Details;
}

export type Details = Record<string, string | number | null>;

export interface Mail {
  tag: string;
  /** The invoice that is to be paid, and what is owed, in minor units. */
  invoice: string | null;
  amount: number | null;
}

/** What is on Stripe's side at the end. */
export interface Objects {
  subscriptions: {
    plan: string;
    status: string;
    startedAt: string;
    endedAt: string | null;
    cancelAt: string | null;
    periodEnd: string;
  }[];
  invoices: { reason: string; status: string; amount: number; createdAt: string }[];
  charges: { at: string; amount: number; paid: boolean; refunded: number; disputed: boolean }[];
}

/** All that a year leaves behind. */
export interface Year {
  /** The team, as it is at the end. */
  team: { tier: string; status: string; strike: number | null };
  timeline: Line[];
  mails: Mail[];
  /** Tagih's own attempts to pay, as `invoice:number`. */
  attempts: string[];
  stripe: Objects;
}

/** What is written down as the year goes by. */
export class Books {
  readonly timeline: Line[] = [];
  readonly mails: Mail[] = [];
  readonly attempts: string[] = [];

  note(at: Second, kind: string, details: Details): void {
    this.timeline.push({ at: hour(at), kind, details });
  }

  noteRequest(kind: string, details: Details): void {
    this.timeline.push({ at: ON_REQUEST, kind, details });
  }

  mail(tag: string, invoice: { name: string; amount: number } | null = null): void {
    this.mails.push({ tag, invoice: invoice?.name ?? null, amount: invoice?.amount ?? null });
  }
}

/** Lines in an order of their own: what happens within an hour comes in any. */
export function sorted(lines: readonly Line[]): Line[] {
  const key = (line: Line) =>
    JSON.stringify([line.at, line.kind, Object.entries(line.details).toSorted()]);
  return lines.toSorted((a, b) => key(a).localeCompare(key(b)));
}
