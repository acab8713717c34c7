import { beforeAll, expect, test } from 'vitest';
import type { Period } from '../../src/domain/period.js';
import {
  advanceTo,
  type ClockedSubscriber,
  close,
  dayOf,
  monthsAgo,
  recordOf,
  subscribe,
  subscribedIn,
  track,
  unsubscribe,
} from '../support/months.js';
import { sharedProduct } from '../support/product.js';
import { patiently, renew } from '../support/stories.js';

const product = sharedProduct();
const [first, second, third] = [monthsAgo(3), monthsAgo(2), monthsAgo(1)];

/** Teams that have no subscription when the first two months are closed; the last two have one again. */
const teams = {} as Record<'small' | 'givenBack' | 'owing' | 'owed', ClockedSubscriber>;

beforeAll(async () => {
  const [small, givenBack, owing, owed] = await Promise.all([
    proIn(first, 450_000),
    proIn(first, 2_050_000),
    proIn(first, 50_700),
    proIn(first, 2_050_000),
  ]);
  Object.assign(teams, { small, givenBack, owing, owed });
  await advanceTo(product, small, dayOf(third, 20));
  for (const month of [second, third]) await track(product, month, small.teamId, 350_000);
  await Promise.all(Object.values(teams).map((team) => unsubscribe(product, team)));
  await close(product, first);

  await Promise.all([givenBack, owed].map(hadEnterpriseUnheard));
  await close(product, second);

  await Promise.all(
    [givenBack, owing, owed].map(async (team) => {
      await advanceTo(product, team, dayOf(third, 3));
      team.subscriptionId = await subscribe(product, team, 'pro');
    }),
  );
  await unsubscribe(product, givenBack);
  await track(product, third, givenBack.teamId, 1_550_000);
  for (const { teamId } of [owing, owed]) await track(product, third, teamId, 50_009);
  for (const month of [third, second]) await close(product, month);
});

/** A team that is there since a month, on Pro since its fifth day, and has used so many tokens in it. */
async function proIn(month: Period, tokens: number): Promise<ClockedSubscriber> {
  const team = await subscribedIn(product, month, 'pro');
  const { teamId } = team;
  const createdAt = 'update tagih.teams set created_at = $2 where id = $1';
  await product.pool.query(createdAt, [teamId, month.start]);
  await track(product, month, teamId, tokens);
  return team;
}

/** Enterprise for a day of the first month, whose record is written: what it included is to be given back. */
async function hadEnterpriseUnheard(team: ClockedSubscriber): Promise<void> {
  await advanceTo(product, team, dayOf(first, 6));
  team.subscriptionId = await subscribe(product, team, 'enterprise');
  await advanceTo(product, team, dayOf(first, 7));
  await unsubscribe(product, team);
}

/** The team's bill of a month: what became of it, what is due, and each line as kind, month and amount. */
async function bill({ teamId }: ClockedSubscriber, month: Period) {
  const { status, amountDue, lines } = await recordOf(product, month, teamId);
  const of = (line: { kind: string; period: string; amount: { amount: number } }) => [
    line.kind,
    line.period,
    line.amount.amount,
  ];
  return { status, due: amountDue.amount, lines: lines.map(of) };
}

/** What was ever put on the customer's bill for usage, by the month of its record, the latest first. */
async function put({ customerId: customer }: ClockedSubscriber): Promise<[string, number][]> {
  const { data } = await product.stripe.invoiceItems.list({ customer, limit: 100 });
  return data.map(({ metadata, amount }) => [metadata?.['tagih_period'] ?? '', amount]);
}

/** Totals of the customer's invoices that are of no subscription, the latest first. */
async function ownInvoices({ customerId: customer }: ClockedSubscriber): Promise<number[]> {
  const { data } = await product.stripe.invoices.list({ customer, limit: 100 });
  return data.filter(({ parent }) => parent === null).map(({ total }) => total);
}

test('small amounts go from record to record until they are worth an invoice, and are on one (R34)', async () => {
  expect(await bill(teams.small, first)).toMatchObject({ status: 'carried_forward', due: 400_000 });
  expect(await bill(teams.small, second)).toEqual({
    status: 'carried_forward',
    due: 700_000,
    lines: [
      ['overage', second.id, 300_000],
      ['carried', first.id, 400_000],
    ],
  });
  expect(await bill(teams.small, third)).toEqual({
    status: 'billed',
    due: 1_000_000,
    lines: [
      ['overage', third.id, 300_000],
      ['carried', second.id, 700_000],
    ],
  });
  expect(await put(teams.small)).toEqual([[third.id, 1_000_000]]);
  expect(await ownInvoices(teams.small)).toEqual([1_000_000]);
});

test('what is given back without a subscription lowers what is due later, and is never charged or lost (R4, R12, R34)', async () => {
  expect(await bill(teams.givenBack, first)).toMatchObject({ status: 'billed', due: 2_000_000 });
  expect(await bill(teams.givenBack, second)).toEqual({
    status: 'carried_forward',
    due: -450_000,
    lines: [['late', first.id, -450_000]],
  });
  const texts = async () => (await product.mails(teams.givenBack.teamId)).map(({ text }) => text);
  await expect
    .poll(texts, patiently)
    .toContainEqual(expect.stringContaining('It is taken off a later invoice.'));
  expect(await bill(teams.givenBack, third)).toEqual({
    status: 'billed',
    due: 1_050_000,
    lines: [
      ['overage', third.id, 1_500_000],
      ['carried', second.id, -450_000],
    ],
  });
  expect(await put(teams.givenBack)).toEqual([
    [third.id, 1_050_000],
    [first.id, 2_000_000],
  ]);
  expect(await ownInvoices(teams.givenBack)).toEqual([1_050_000, 2_000_000]);
});

test.each([
  { who: 'owing', carried: 700, before: [] },
  { who: 'owed', carried: -450_000, before: [[first.id, 2_000_000]] },
] as const)(
  'who is $who something and subscribes again finds it on the invoice of the new subscription, once (R34)',
  async ({ who, carried, before }) => {
    const { [who]: team } = teams;
    expect(await bill(team, second)).toMatchObject({ status: 'carried_forward', due: carried });
    expect(await bill(team, third)).toEqual({
      status: 'pending',
      due: carried + 9,
      lines: [
        ['overage', third.id, 9],
        ['carried', second.id, carried],
      ],
    });
    const { total } = await product.stripe.invoices.retrieve(await renew(product, team));
    expect(total).toBe(29_900_000 + carried + 9);
    await expect.poll(() => bill(team, third), patiently).toMatchObject({ status: 'billed' });
    expect(await put(team)).toEqual([[third.id, carried + 9], ...before]);
  },
);
