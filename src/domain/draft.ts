import { laterMark } from './covered.js';
import {
  type Attempt,
  climb,
  type DunningMail,
  type Happening,
  type Ladder,
  ladderTable,
  nextAttemptAt,
  stageOf,
  teamStrike,
} from './dunning.js';
import type { Instant } from './instant.js';
import type { Refusal } from './refusal.js';
import type { Effect, Reading, TeamState } from './team.js';

/** Ended invoices that are remembered: a stale read of one must not start its ladder again. */
const CLOSED_INVOICES = 50;

/** Trials, refunds and disputes that are remembered as told of. */
const TOLD = 100;

/** Why something happened, and who did it; on the timeline and in the keys of mails. */
export interface Cause {
  cause: string;
  actor: string;
}

/** A team's state while a turn changes it, with what is to be written beside it. */
export class Draft {
  readonly effects: Effect[] = [];
  /** Acts that do not apply, by their ids (R31). */
  readonly refused = new Map<string, Refusal>();

  constructor(
    public state: TeamState,
    private readonly now: Instant,
  ) {}

  set(change: Partial<TeamState>): void {
    this.state = { ...this.state, ...change };
  }

  ladder(invoiceId: string): Ladder | undefined {
    return this.state.ladders.find((ladder) => ladder.invoiceId === invoiceId);
  }

  put(ladder: Ladder): void {
    const { ladders } = this.state;
    this.set({
      ladders: this.ladder(ladder.invoiceId)
        ? ladders.map((l) => (l.invoiceId === ladder.invoiceId ? ladder : l))
        : [...ladders, ladder],
    });
  }

  /** One step of `ladderTable`, with the mail and the line of the timeline that go with it. */
  happen(ladder: Ladder, happening: Happening, at: Instant, because: Cause): void {
    const { invoiceId } = ladder;
    const { mail } = ladderTable[stageOf(ladder)][happening];
    const strikeBefore = teamStrike(this.state.ladders);
    const next = climb(ladder, happening, at);
    if (next === undefined) this.end(invoiceId);
    else this.put(next);
    const strike = teamStrike(this.state.ladders);
    if (strike > strikeBefore) this.set({ unrecovered: true });

    if (next === undefined) {
      const kind = happening === 'paid' ? 'invoice_paid' : 'invoice_closed';
      this.note(kind, `${invoiceId} is ${happening}: its ladder ends`, because, { invoiceId });
    } else if (next.strike > ladder.strike) {
      this.note('strike', `Strike ${next.strike} of 3 for ${invoiceId}`, because, {
        invoiceId,
        strike: next.strike,
        nextAttemptAt: nextAttemptAt(next),
      });
    } else if (happening === 'confirmation_needed') {
      this.noteQuestion(invoiceId, because);
    }

    if (next === undefined) return this.recover(ladder, happening);
    if (mail === 'payment-action-required') this.mail(mail, questionOf(ladder), next);
    else if (mail && strike > strikeBefore) this.mail(mail, invoiceId, next, nextAttemptAt(next));
  }

  /** With the last ladder all is over: told of where it was paid, and a strike had been told of (R25, R26). */
  private recover(ladder: Ladder, happening: Happening): void {
    if (this.state.ladders.length > 0) return;
    // States of before do not say whether a strike was told of.
    const told = this.state.unrecovered ?? ladder.strike > 0;
    this.set({ unrecovered: false });
    if (happening === 'paid' && told) this.mail('payment-recovered', ladder.invoiceId, ladder);
  }

  /** Stripe is to be read, after what is being read already (R16). */
  want(more: Omit<Reading, 'number'>): void {
    this.set({ wanted: together(this.state.wanted, more) });
  }

  /** The state after the turn. All that the turn wants is one reading, which has the turn's number. */
  get next(): TeamState {
    const { turn, reading, wanted } = this.state;
    const next = { ...this.state, turn: turn + 1 };
    if (reading !== null || wanted === null) return next;
    return { ...next, reading: { ...wanted, number: turn }, wanted: null };
  }

  attempt(ladder: Ladder, by: Attempt['by'], paymentMethodId: string | null, because: Cause): void {
    const number = ladder.attempts + 1;
    const attempt = { number, by, paymentMethodId, ...because, startedAt: this.now };
    this.put({ ...ladder, attempts: number, attempt, stopped: null });
  }

  note(
    kind: string,
    summary: string,
    because: Cause,
    details: Record<string, string | number | null>,
  ): void {
    this.effects.push({ kind: 'timeline', entry: { kind, summary, ...because, details } });
  }

  /** Whether `key` is told of for the first time; from now on it was. */
  isNews(key: string): boolean {
    const { told = [] } = this.state;
    if (told.includes(key)) return false;
    this.set({ told: [...told, key].slice(-TOLD) });
    return true;
  }

  noteFailure(invoiceId: string, failureId: string, because: Cause): void {
    const details = { invoiceId, failureId };
    this.note('payment_attempt_failed', `An attempt to pay ${invoiceId} failed`, because, details);
  }

  noteQuestion(invoiceId: string, because: Cause): void {
    const summary = `${invoiceId} waits for its confirmation`;
    this.note('confirmation_needed', summary, because, { invoiceId });
  }

  mail(
    mail: DunningMail,
    cause: string,
    { invoiceId, amountDue }: Pick<Ladder, 'invoiceId' | 'amountDue'>,
    nextAttemptAt: Instant | null = null,
  ): void {
    const details = { invoiceId, amountDue, nextAttemptAt };
    this.effects.push({ kind: 'mail', mail, cause, details });
  }

  private end(invoiceId: string): void {
    this.effects.push({ kind: 'withdraw_mails', invoiceId });
    this.set({
      ladders: this.state.ladders.filter((ladder) => ladder.invoiceId !== invoiceId),
      holds: this.state.holds.filter((id) => id !== invoiceId),
      closed: [...this.state.closed, invoiceId].slice(-CLOSED_INVOICES),
    });
  }
}

/** The attempt for which a customer is asked to confirm: ours by its number, Stripe's by its count (R23). */
function questionOf({ invoiceId, attempts, attemptCount }: Ladder): string {
  const ours = `${invoiceId}:${attempts}`;
  return attemptCount === undefined ? ours : `${ours}#${attemptCount}`;
}

/** What is asked for by `first`, if anything was, and by `more`. */
export function together(
  first: Omit<Reading, 'number'> | null,
  more: Omit<Reading, 'number'>,
): Omit<Reading, 'number'> {
  const changes = [first, more]
    .flatMap((asked) => [asked?.changedAt, asked?.lastChangedAt])
    .filter((at) => at !== null && at !== undefined)
    .toSorted();
  const upTo = first === null ? more.upTo : laterMark(first.upTo, more.upTo);
  return {
    subscriptionIds: union(first?.subscriptionIds, more.subscriptionIds),
    invoiceIds: union(first?.invoiceIds, more.invoiceIds),
    cards: [...(first?.cards ?? []), ...more.cards],
    chargeIds: union(first?.chargeIds, more.chargeIds),
    disputeIds: union(first?.disputeIds, more.disputeIds),
    settle: (first?.settle ?? false) || more.settle,
    cause: first?.cause ?? more.cause,
    changedAt: changes[0] ?? null,
    lastChangedAt: changes.at(-1) ?? null,
    ...(upTo !== undefined && { upTo }),
  };
}

/** To read what is known already, and nothing else. */
export const NOTHING_NAMED = {
  subscriptionIds: [],
  invoiceIds: [],
  cards: [],
  settle: false,
  changedAt: null,
};

/** Both lists without repetitions, in order. */
export function union(a: readonly string[] = [], b: readonly string[] = []): string[] {
  return [...new Set([...a, ...b])];
}
