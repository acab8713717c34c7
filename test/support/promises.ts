import type Stripe from 'stripe';
import { expect } from 'vitest';
import type { Pool } from '../../src/db/pool.js';
import type { Call } from '../../src/domain/calls.js';
import { type Ladder, teamStrike } from '../../src/domain/dunning.js';
import { isLive, type Strike } from '../../src/domain/subscription.js';
import type { TeamState, TimelineEntry } from '../../src/domain/team.js';
import type { Direct, Turn, Watch } from './direct.js';

interface MailRow {
  kind: string;
  cause: string;
  details: Record<string, unknown>;
}

/** The mail of each stage, and the stage of each such mail. */
const STAGES: readonly string[] = ['payment-warning', 'payment-critical', 'account-locked'];

const ladderOf = ({ ladders }: TeamState, invoiceId: string): Ladder | undefined =>
  ladders.find((ladder) => ladder.invoiceId === invoiceId);

/** What must be true of a team after each step that it and the world take: looked for where it lasts, in the ledger and at Stripe. */
export class Promises implements Watch {
  /** The strikes that the timeline has told of, by invoice. */
  private readonly strikes = new Map<string, number>();
  private readonly ended = new Set<string>();
  private readonly mailed = new Set<string>();
  private seen = { timeline: 0, emails: 0, events: 0 };
  private readonly charges = new Map<string, Stripe.Charge>();

  constructor(
    private readonly pool: Pool,
    private readonly team: Direct,
  ) {
    team.watch = this;
  }

  async turned(turn: Turn): Promise<void> {
    const { teamId } = this.team;
    const lines = await this.news<TimelineEntry>('timeline', 'kind, cause, actor, details');
    const mails = await this.news<MailRow>('emails', 'kind, cause, details');
    this.strikesInOrder(turn, lines);
    this.strikesOfAttempts(turn);
    await this.endsForAReason(turn, lines);
    this.mailsOfWhatHappened(turn, lines, mails);
    await this.columns(teamId, turn.after);
  }

  /** R22: the strikes of an invoice are 1, 2, 3, each on the timeline once, and end at once or not at all. */
  private strikesInOrder({ before, after }: Turn, lines: readonly TimelineEntry[]): void {
    for (const { kind, details } of lines) {
      if (kind !== 'strike') continue;
      const invoiceId = String(details.invoiceId);
      expect(details.strike, `R22: next strike of ${invoiceId}`).toBe(this.strikeOf(invoiceId) + 1);
      expect(this.ended, 'R20: no second ladder').not.toContain(invoiceId);
      this.strikes.set(invoiceId, Number(details.strike));
    }
    for (const { invoiceId, strike, timer } of after.ladders) {
      expect(strike, `R22: strike of ${invoiceId}`).toBe(this.strikeOf(invoiceId));
      expect(timer === null, `R24: what is next of ${invoiceId}`).toBe(strike === 3);
      expect(this.ended, 'R20: no second ladder').not.toContain(invoiceId);
    }
    for (const { invoiceId } of before.ladders) {
      if (ladderOf(after, invoiceId) === undefined) this.ended.add(invoiceId);
    }
  }

  /** R23: after the first, a strike is a failed attempt of the timer's, or a wait that is over, or Stripe's own. */
  private strikesOfAttempts({ before, after, facts, now }: Turn): void {
    for (const { invoiceId, strike, attempt, timer, policy } of before.ladders) {
      const risen = (ladderOf(after, invoiceId)?.strike ?? 0) - strike;
      if (strike === 0 || risen <= 0) continue;
      const tried = facts.some(
        (fact) =>
          fact.kind === 'attempted' && fact.invoiceId === invoiceId && attempt?.by === 'timer',
      );
      const waited = timer?.for === 'confirmation' && timer.at <= now;
      const byStripe = policy.retries === 'stripe' && facts.some(({ kind }) => kind === 'read');
      expect(tried || waited || byStripe, `R23: strike ${strike + risen} of ${invoiceId}`).toBe(
        true,
      );
      if (!byStripe) expect(risen).toBe(1);
    }
  }

  /** R22, R26: a ladder ends by payment, void, write-off, waiver or the subscription's end. */
  private async endsForAReason(
    { before, after, facts }: Turn,
    lines: readonly TimelineEntry[],
  ): Promise<void> {
    const waived = facts.some((fact) => fact.kind === 'act' && fact.action === 'waive');
    for (const { invoiceId, subscriptionId } of before.ladders) {
      if (ladderOf(after, invoiceId) !== undefined) continue;
      const { status } = await this.team.side.stripe.invoices.retrieve(invoiceId);
      const subscriptions = await this.team.side.subscriptions();
      const owner = subscriptions.find(({ id }) => id === subscriptionId);
      const over = status !== 'open' || typeof owner?.ended_at === 'number';
      expect(over || waived, `R26: why the ladder of ${invoiceId} ended`).toBe(true);
      const line = lines.find(
        ({ kind, details }) =>
          /^invoice_(paid|closed)$/.test(kind) && details.invoiceId === invoiceId,
      );
      expect(line, `the timeline tells how ${invoiceId} ended`).toBeDefined();
      if (line?.kind === 'invoice_paid') expect(status).toBe('paid');
    }
  }

  /** R25, R26, R27, R36: what is mailed has happened in this turn, and each stage of the team's is mailed once. */
  private mailsOfWhatHappened(
    { before, after, now }: Turn,
    lines: readonly TimelineEntry[],
    mails: readonly MailRow[],
  ): void {
    const told = (kind: string, details: object) =>
      expect(lines, `${kind} is on the timeline`).toContainEqual(
        expect.objectContaining({ kind, details: expect.objectContaining(details) }),
      );
    for (const { kind, cause, details } of mails) {
      const { invoiceId } = details;
      const of = kind === 'payment-action-required' ? cause : (invoiceId ?? cause);
      expect(this.mailed, `R36: ${kind} of ${of}`).not.toContain(`${kind} ${of}`);
      this.mailed.add(`${kind} ${of}`);
      switch (kind) {
        case 'payment-recovered':
          expect(after.ladders, 'R25: recovery of all').toEqual([]);
          told('invoice_paid', { invoiceId });
          break;
        case 'payment-action-required':
          expect(this.ended).not.toContain(invoiceId);
          break;
        case 'trial-ending':
          expect(after.subscription?.status).toBe('trialing');
          expect(String(details.at) > now).toBe(true);
          break;
        case 'plan-changed':
          told('tier_changed', { from: details.from, to: details.to });
          break;
        default:
          expect(STAGES).toContain(kind);
          told('strike', { invoiceId, strike: STAGES.indexOf(kind) + 1 });
      }
    }
    const [from, to] = [teamStrike(before.ladders), teamStrike(after.ladders)];
    for (let strike = from + 1; strike <= to; strike += 1) {
      expect(mails.map(({ kind }) => kind)).toContain(STAGES[strike - 1]);
    }
  }

  /** R21, R29, R30: the ledger says what the state does, and access follows it. */
  private async columns(teamId: string, state: TeamState): Promise<void> {
    const { rows } = await this.pool.query(
      'select state, turn::int, tier, strike, subscription_status as status from tagih.teams where id = $1',
      [teamId],
    );
    const strike = teamStrike(state.ladders);
    const own = state.subscription?.status ?? 'none';
    const worse: Record<Strike, string> = {
      0: own,
      1: own === 'unpaid' ? 'unpaid' : 'past_due',
      2: own === 'unpaid' ? 'unpaid' : 'past_due',
      3: 'unpaid',
    };
    const live = state.subscription !== null && isLive(state.subscription);
    const status = live ? worse[strike] : own;
    const { turn, tier } = state;
    expect(rows).toEqual([{ state, turn, tier, strike, status }]);
    const { ai, dashboard, overageAllowed } = await this.team.billing.access(
      teamId,
      1,
      new Date(this.team.side.now),
    );
    const locked = strike === 3 || (strike === 0 && status === 'unpaid');
    expect({ ai, dashboard, overageAllowed }, 'R30').toEqual({
      ai: locked ? 'locked' : strike === 2 ? 'limited' : 'full',
      dashboard: locked ? 'locked' : 'open',
      overageAllowed: !locked && strike < 2 && tier !== 'free',
    });
  }

  /** R23, R26, R35: of an invoice one charge succeeds, after which there is none, and one number of ours is one charge. */
  afterStripe(): void {
    const { events } = this.team.side;
    for (const { type, data, request } of events.slice(this.seen.events)) {
      if (type !== 'charge.succeeded' && type !== 'charge.failed') continue;
      const { object: charge } = data;
      const payments = [...this.charges.values()].filter(
        ({ payment_intent, paid }) => paid && payment_intent === charge.payment_intent,
      );
      expect(payments, 'R26: a charge after the payment').toEqual([]);
      const key = request?.idempotency_key ?? charge.id;
      expect(this.charges, 'R35: a second charge of one attempt').not.toHaveProperty(key);
      this.charges.set(key, charge);
    }
    this.seen.events = events.length;
  }

  /** R26: what is paid, closed or cancelled at Stripe is not tried to be paid. */
  async making<T>(call: Call, make: () => Promise<T>): Promise<T> {
    if (call.kind !== 'attempt') return make();
    const { side } = this.team;
    const tries = () => side.control<unknown[]>('GET', '/requests?path=/pay$');
    const before = await tries();
    const isOwed = await this.isOwed(call.invoiceId);
    const answer = await make();
    if (!isOwed) expect(await tries(), `R26: ${call.id} of what is not owed`).toEqual(before);
    return answer;
  }

  private async isOwed(invoiceId: string): Promise<boolean> {
    const expand = ['parent.subscription_details.subscription'];
    const { status, parent } = await this.team.side.stripe.invoices.retrieve(invoiceId, { expand });
    const subscription = parent?.subscription_details?.subscription;
    return status === 'open' && typeof subscription === 'object' && subscription.ended_at === null;
  }

  private strikeOf(invoiceId: string): number {
    return this.strikes.get(invoiceId) ?? 0;
  }

  /** The rows that were written since. */
  private async news<T>(table: 'timeline' | 'emails', columns: string): Promise<T[]> {
    const { rows } = await this.pool.query(
      `select id::int, ${columns} from tagih.${table} where team_id = $1 and id > $2 order by id`,
      [this.team.teamId, this.seen[table]],
    );
    this.seen[table] = rows.at(-1)?.id ?? this.seen[table];
    return rows;
  }
}
