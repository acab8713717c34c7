import type { Period } from './period.js';

/** Who corrected usage by hand, and why (R13). */
export interface Correction {
  actor: string;
  reason: string;
}

export interface UsageEvent {
  teamId: string;
  idempotencyKey: string;
  /** Negative in a correction alone. */
  tokens: number;
  occurredAt: Date;
  /** `occurredAt` as the caller gave it; null when it is the time of receipt. */
  statedAt: Date | null;
  toldAt: Date;
  metadata: Record<string, string>;
  correction: Correction | null;
  /** The period that it occurred in, and the one whose bill it lands on (R12). */
  period: Period;
  billedIn: string;
  /** The calendar day in the billing time zone. */
  day: string;
}
