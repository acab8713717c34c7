import { describe, expect, test } from 'vitest';
import { localTime, span } from '../../workflows/localTime.js';
import { describeTimer, describe as sentenceOf } from '../../workflows/sentence.js';
import {
  at,
  DAY,
  day,
  HOUR,
  onPro,
  renewal,
  type Story,
  stripeRetries,
  subscription,
  unpaid,
} from '../domain/given.js';

const zone = 'Asia/Jakarta';

/** What operators read of a team, with plain spaces. */
function sentence({ state }: Story, now = day(0), waitsSince: string | null = null): string {
  return sentenceOf({ ...state, zone }, waitsSince, now).replaceAll('\u00a0', ' ');
}

const invoice = 'in_1 Rp 299.000';

describe('one sentence says where a ladder stands, what it waits for and until when', () => {
  test.each([
    [
      'confirming',
      `Before strike 1 · ${invoice} · waits for its confirmation until 2 Nov 06:00 WIB`,
    ],
    ['strike 1', `Strike 1 of 3 · ${invoice} · next attempt 4 Nov 07:00 WIB`],
    ['strike 2', `Strike 2 of 3 · ${invoice} · next attempt 9 Nov 07:00 WIB`],
    ['strike 3', `Strike 3 of 3 · ${invoice} · locked until it is paid`],
  ] as const)('%s', (stage, expected) => {
    expect(sentence(at(stage))).toContain(expected);
  });

  test('with the plan and the status that the ladder makes', () => {
    expect(sentence(at('strike 3'))).toBe(
      `pro · unpaid · Strike 3 of 3 · ${invoice} · locked until it is paid`,
    );
  });

  test('an attempt that is under way', () => {
    const team = at('strike 1');
    team.reaches(day(3));
    expect(sentence(team)).toContain(`${invoice} · payment attempt 1 under way`);
  });

  test('R31: a pause, by whom, and what is left of the wait when it ends', () => {
    const team = at('strike 1');
    team.acts(day(0.5), 'pauseDunning');
    expect(sentence(team)).toMatch(/ · paused by budi, resumes with 2 d 12 h left$/);
  });

  test('R31: a grace that an operator has extended', () => {
    const team = at('strike 1');
    team.acts(day(1), 'extendGrace', { until: day(6) });
    expect(sentence(team, day(1))).toContain(
      'next attempt 7 Nov 07:00 WIB, as an operator has extended it',
    );
  });

  test('R27: an attempt that waits for the customer to confirm another', () => {
    const team = at('strike 1');
    team.acts(day(2.9), 'retryPayment');
    team.tried(day(2.9), { kind: 'confirm' });
    expect(sentence(team)).toContain(
      'next attempt 5 Nov 03:36 WIB, if it is not confirmed by then',
    );
    expect(describeTimer(team.state)).toBe('end of the wait for the confirmation of in_1');
  });

  test('R24: an attempt of Stripe, and when it is looked for', () => {
    const team = onPro(stripeRetries);
    const failed = unpaid('in_1', day(0));
    team.sees(day(0), {
      invoices: [{ ...failed, attemptCount: 1, nextPaymentAttemptAt: day(2) }],
    });
    expect(sentence(team)).toContain(
      'next attempt 3 Nov 07:00 WIB by Stripe, looked for 3 Nov 08:00 WIB',
    );
    expect(describeTimer(team.state)).toBe("look for Stripe's attempt to pay in_1");
  });

  test('R28: an attempt that Stripe refused to make', () => {
    const team = at('strike 1');
    team.reaches(day(3));
    team.tried(day(3), { kind: 'stopped', code: 'no_such_thing' });
    expect(sentence(team)).toMatch(/in_1 Rp 299\.000 · attempt stopped: no_such_thing$/);
  });

  test('R25: the highest strike comes first; of many invoices three are told', () => {
    const team = onPro();
    const ids = ['in_1', 'in_2', 'in_3', 'in_4', 'in_5'];
    team.sees(day(0), { invoices: ids.map((id) => unpaid(id, day(0))) });
    const told = sentence(team);
    expect(told.match(/in_\d/g)).toEqual(['in_1', 'in_2', 'in_3']);
    expect(told).toMatch(/ · 2 more unpaid$/);
  });

  test('R28: since when Stripe has not answered', () => {
    expect(sentence(at('strike 1'), day(0), day(0))).toMatch(
      / · waits for Stripe since 1 Nov 07:00 WIB$/,
    );
  });
});

describe('without a ladder it says what is to come of the subscription', () => {
  const sees = (of: Parameters<typeof subscription>[0], now = day(-60)) => {
    const team = onPro();
    team.sees(now, { subscriptions: [subscription(of)] });
    return sentence(team);
  };

  test.each([
    ['its renewal', {}, 'pro · active · renews 1 Dec 07:00 WIB'],
    ['its end', { cancelAt: day(30) }, 'pro · active · ends 1 Dec 07:00 WIB'],
    [
      'another plan',
      { pendingPlan: { plan: 'enterprise', at: day(30) } },
      'pro · active · changes to enterprise 1 Dec 07:00 WIB',
    ],
    [
      'the end of its trial, and the mail that tells of it',
      { status: 'trialing', trialEnd: day(20) },
      'pro · trialing · trial ends 21 Nov 07:00 WIB, mail 18 Nov 07:00 WIB',
    ],
    [
      'the end of a trial that is cancelled',
      { status: 'trialing', trialEnd: day(20), cancelAt: day(20) },
      'pro · trialing · ends 21 Nov 07:00 WIB',
    ],
    [
      'its first payment',
      { status: 'incomplete' },
      'free · incomplete · waits for its first payment',
    ],
    ['a payment', { status: 'unpaid' }, 'pro · unpaid · waits for a payment at Stripe'],
    ['the owner', { status: 'paused' }, 'free · paused · waits to be resumed at Stripe'],
    ['another one', { status: 'canceled' }, 'free · canceled · waits for a subscription'],
    ['a price', { plan: null }, 'pro · active · renews 1 Dec 07:00 WIB · its price is in no plan'],
  ] as const)('%s', (_, of, expected) => {
    expect(sees(of)).toBe(expected);
  });

  test('the mail is no more announced once it is written', () => {
    const trial = subscription({ status: 'trialing', trialEnd: day(20) });
    const team = onPro();
    team.sees(day(18), { subscriptions: [trial] });
    expect(sentence(team)).toBe('pro · trialing · trial ends 21 Nov 07:00 WIB');
  });

  test('that Stripe is read', () => {
    const team = onPro();
    team.acts(day(0), 'resync');
    expect(sentence(team)).toMatch(/ · reads Stripe$/);
  });
});

test('a timer is named by what comes when it ends, and nothing else', () => {
  const team = onPro();
  team.sees(day(0), { invoices: [unpaid('in_1', day(0))] });
  team.sees(day(1), {
    invoices: [unpaid('in_1', day(0)), renewal({ id: 'in_2', needsConfirmation: true })],
  });
  expect(describeTimer(team.state)).toBe('end of the wait for the confirmation of in_2');
  team.acts(day(1), 'waive', { invoiceId: 'in_2' });
  expect(describeTimer(team.state)).toBe('next attempt to pay in_1');
  const trial = onPro();
  trial.sees(day(0), { subscriptions: [subscription({ status: 'trialing', trialEnd: day(20) })] });
  expect(describeTimer(trial.state)).toBe('the mail that the trial ends');
});

describe('times are those of the billing time zone, under the name that it has there', () => {
  test.each([
    ['Asia/Jakarta', '1 Nov 07:00 WIB'],
    ['Asia/Makassar', '1 Nov 08:00 WITA'],
    ['Europe/Berlin', '1 Nov 01:00 CET'],
    ['America/New_York', '31 Oct 20:00 EDT'],
    ['UTC', '1 Nov 00:00 UTC'],
    ['Asia/Tokyo', '1 Nov 09:00 Asia/Tokyo'],
  ])('%s', (zone, expected) => {
    expect(localTime(day(0), zone, day(0))).toBe(expected);
  });

  test('UTC where a state of before has none', () => {
    expect(sentenceOf(at('strike 1').state, null, day(0))).toContain('4 Nov 00:00 UTC');
  });

  test('another year is named', () => {
    expect(localTime(day(61), zone, day(0))).toBe('1 Jan 2027 07:00 WIB');
    expect(localTime(day(60.9), zone, day(60.9))).toMatch(/^1 Jan 0/);
  });

  test('a span in days and hours, or hours and minutes', () => {
    expect([2 * DAY, 2 * DAY + 3 * HOUR, 3 * HOUR + 1, 60_001, 0].map(span)).toEqual([
      '2 d',
      '2 d 3 h',
      '3 h 1 min',
      '2 min',
      '0 min',
    ]);
  });
});
