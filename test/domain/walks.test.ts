import fc from 'fast-check';
import { expect, test } from 'vitest';
import { access } from '../../src/domain/access.js';
import { callsOf } from '../../src/domain/calls.js';
import { type DunningMail, teamStrike } from '../../src/domain/dunning.js';
import { isLive, type Strike, subscriptionStatus } from '../../src/domain/subscription.js';
import type { Fact, TeamState, Truth } from '../../src/domain/team.js';
import { policy, stripeRetries } from './given.js';
import { steps, type Turn, Walk } from './walk.js';

const stageMails: readonly DunningMail[] = [
  'payment-warning',
  'payment-critical',
  'account-locked',
];

function walks(check: (walk: Walk) => void): void {
  fc.assert(
    fc.property(fc.constantFrom(policy, stripeRetries), steps, (mode, all) => {
      const walk = new Walk(mode);
      for (const step of all) walk.step(step);
      check(walk);
    }),
    { numRuns: 300 },
  );
}

const ladderOf = (state: TeamState, invoiceId: string) =>
  state.ladders.find((ladder) => ladder.invoiceId === invoiceId);

/** Whether, at Stripe, the invoice is no longer open or its subscription has ended. */
function isOver({ invoices, subscriptions }: Truth, invoiceId: string): boolean {
  const invoice = invoices.find(({ id }) => id === invoiceId);
  const owner = subscriptions.find(({ id }) => id === invoice?.subscriptionId);
  return invoice?.status !== 'open' || owner === undefined || !isLive(owner);
}

const lasting = ({ turn: _, ...state }: TeamState) => state;

const mailsOf = ({ effects }: Turn) => effects.filter((effect) => effect.kind === 'mail');

test('R22: the strikes of an invoice are 1, 2, 3, in order, each recorded once', () => {
  walks(({ turns }) => {
    const strikes: Record<string, number> = {};
    for (const { after, effects } of turns) {
      for (const effect of effects) {
        if (effect.kind !== 'timeline' || effect.entry.kind !== 'strike') continue;
        const { invoiceId, strike } = effect.entry.details;
        expect(strike).toBe((strikes[String(invoiceId)] ?? 0) + 1);
        strikes[String(invoiceId)] = Number(strike);
      }
      for (const { invoiceId, strike } of after.ladders) {
        expect(strike).toBe(strikes[invoiceId] ?? 0);
      }
    }
  });
});

test('R23: after the first, a strike is a failed attempt of our timer, a window that passed, or an automatic attempt where Stripe retries', () => {
  walks(({ turns }) => {
    for (const { before, fact, now, after } of turns) {
      for (const ladder of before.ladders) {
        const { invoiceId, strike, attempt, timer } = ladder;
        const risen = (ladderOf(after, invoiceId)?.strike ?? 0) - strike;
        if (strike === 0 || risen <= 0) continue;
        const scheduled = fact.kind === 'attempted' && attempt?.by === 'timer';
        const passed = fact.kind === 'due' && timer?.for === 'confirmation' && timer.at <= now;
        if (scheduled || passed) {
          expect(risen).toBe(1);
          continue;
        }
        const { invoices } = fact.kind === 'read' ? fact.truth : { invoices: [] };
        const { attemptCount = 0 } = invoices.find(({ id }) => id === invoiceId) ?? {};
        expect(ladder.policy.retries).toBe('stripe');
        expect(risen).toBeLessThanOrEqual(attemptCount - (ladder.attemptCount ?? 0));
      }
    }
  });
});

test("R24: Stripe's retries are taken from it where we retry, and left to it where it does", () => {
  walks(({ turns }) => {
    for (const { before, after } of turns) {
      const held = after.holds.filter((id) => !before.holds.includes(id));
      const begun = after.ladders.filter(
        ({ invoiceId }) => ladderOf(before, invoiceId) === undefined,
      );
      const ours = begun.filter(({ policy }) => policy.retries === 'tagih');
      expect(held).toEqual(ours.map(({ invoiceId }) => invoiceId));
    }
  });
});

test('R22, R26: a ladder ends by payment, void, write-off, waiver or cancellation, and by nothing else', () => {
  walks(({ turns }) => {
    for (const { before, fact, after } of turns) {
      for (const { invoiceId } of before.ladders) {
        if (ladderOf(after, invoiceId) !== undefined) continue;
        const paid = fact.kind === 'attempted' && fact.outcome.kind === 'paid';
        const waived = fact.kind === 'act' && fact.action === 'waive';
        expect(paid || waived || (fact.kind === 'read' && isOver(fact.truth, invoiceId))).toBe(
          true,
        );
      }
    }
  });
});

test('R26: after its end an invoice has no attempt, no mail and no second ladder', () => {
  walks(({ turns }) => {
    const ended = new Set<string>();
    for (const turn of turns) {
      for (const { details } of mailsOf(turn)) {
        if ('invoiceId' in details) expect(ended).not.toContain(details.invoiceId);
      }
      for (const { invoiceId } of turn.before.ladders) {
        if (ladderOf(turn.after, invoiceId) === undefined) ended.add(invoiceId);
      }
      for (const call of callsOf(turn.after)) {
        if (call.kind === 'attempt' || call.kind === 'hold') {
          expect(ended).not.toContain(call.invoiceId);
        }
      }
      for (const { invoiceId } of turn.after.ladders) expect(ended).not.toContain(invoiceId);
    }
  });
});

test('R36: one mail per kind and cause', () => {
  walks(({ turns }) => {
    const keys = turns.flatMap(mailsOf).map(({ mail, cause }) => `${mail} ${cause}`);
    expect(keys).toEqual([...new Set(keys)]);
  });
});

test("R25: a stage is mailed when the team's strike rises, recovery when none is left", () => {
  walks(({ turns }) => {
    for (const turn of turns) {
      const mails = mailsOf(turn).map(({ mail }) => mail);
      const strike = teamStrike(turn.after.ladders);
      if (strike > teamStrike(turn.before.ladders)) {
        expect(mails).toContain(stageMails[strike - 1]);
      }
      if (!mails.includes('payment-recovered')) continue;
      for (const { invoiceId } of turn.before.ladders) {
        expect(ladderOf(turn.after, invoiceId)).toBeUndefined();
      }
    }
  });
});

test('R24: a ladder below strike 3 always has its next step ahead', () => {
  walks(({ turns }) => {
    for (const { after } of turns) {
      for (const { strike, timer } of after.ladders) expect(timer === null).toBe(strike === 3);
    }
  });
});

test('R31: while it is paused, or before the end of its grace, a ladder tries nothing by itself and has no new strike', () => {
  walks(({ turns }) => {
    for (const { before, now, after } of turns) {
      for (const ladder of before.ladders) {
        const { invoiceId, strike, paused, graceUntil = '' } = ladder;
        const next = ladderOf(after, invoiceId);
        if (next === undefined || !(paused || now < graceUntil)) continue;
        expect(next.strike).toBe(strike);
        if (ladder.attempt === null) expect(next.attempt?.by).not.toBe('timer');
      }
    }
  });
});

test('R28: only what has a strike is tried, or stopped', () => {
  walks(({ turns }) => {
    for (const { after } of turns) {
      const none = after.ladders.filter(({ strike }) => strike === 0);
      for (const { attempt, stopped } of none) expect([attempt, stopped]).toEqual([null, null]);
    }
  });
});

test('R24, R35: a number is one attempt, and no card is tried twice on an invoice', () => {
  walks(({ turns }) => {
    const attempts = new Map<string, unknown>();
    const cards = new Set<string>();
    for (const { before, fact, after } of turns) {
      for (const { invoiceId, attempt } of after.ladders) {
        if (attempt === null) continue;
        const key = `${invoiceId}:${attempt.number}`;
        if (attempts.has(key)) {
          expect(attempts.get(key)).toEqual(attempt);
          continue;
        }
        attempts.set(key, attempt);
        expect(attempt.number).toBe((ladderOf(before, invoiceId)?.attempts ?? 0) + 1);
        const again = fact.kind === 'attempted' && fact.outcome.kind === 'key_spent';
        if (attempt.by !== 'card' || again) continue;
        expect(cards).not.toContain(`${invoiceId} ${attempt.paymentMethodId}`);
        cards.add(`${invoiceId} ${attempt.paymentMethodId}`);
      }
      // A decline names the card that it was charged to.
      if (fact.kind === 'attempted' && fact.outcome.kind === 'declined') {
        cards.add(`${fact.invoiceId} ${fact.outcome.paymentMethodId}`);
      }
    }
  });
});

test('R16, R17: what was taken before changes nothing when it comes again', () => {
  walks(({ turns }) => {
    const taken = new Set<Fact>();
    for (const { before, fact, after, effects } of turns) {
      if (taken.has(fact) && fact.kind !== 'due') {
        expect(effects).toEqual([]);
        expect(lasting(after)).toEqual(lasting(before));
      }
      taken.add(fact);
    }
  });
});

test('R29, R30: status and access follow the strike', () => {
  walks(({ turns }) => {
    for (const { after } of turns) {
      const strike = teamStrike(after.ladders);
      const status = subscriptionStatus(after.subscription, strike);
      const { ai, dashboard, overageAllowed } = access(
        { tier: after.tier, status, strike, confirming: false },
        10,
        1,
      );
      const expected: Record<Strike, [string, string, string, boolean]> = {
        0: [after.subscription?.status ?? 'none', 'full', 'open', after.tier !== 'free'],
        1: ['past_due', 'full', 'open', after.tier !== 'free'],
        2: ['past_due', 'limited', 'open', false],
        3: ['unpaid', 'locked', 'locked', false],
      };
      expect([status, ai, dashboard, overageAllowed]).toEqual(expected[strike]);
    }
  });
});

test('R16: once all is heard, the team is what Stripe says', () => {
  walks((walk) => {
    walk.settle();
    const { current, unpaid } = walk.world;
    expect(walk.state.subscription).toEqual(current);
    const holds = current?.status === 'active';
    expect(walk.state.tier).toBe(holds ? current.plan : 'free');
    expect(walk.state.ladders.map(({ invoiceId }) => invoiceId).toSorted()).toEqual(
      unpaid.toSorted(),
    );
  });
});
