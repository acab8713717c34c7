import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.js';
import { cli } from '../support/cli.js';
import { createDatabase, type Database } from '../support/database.js';
import { monthsAgo, recordOf, subscribedIn, track } from '../support/months.js';
import { type Product, startProduct } from '../support/product.js';
import {
  attempts,
  breakCard,
  customerTeam,
  freeTeam,
  patiently,
  renew,
  type Subscriber,
  sent,
  settled,
  subscriber,
  timeline,
  unpaid,
} from '../support/stories.js';
import { passTime } from '../support/timeSkipping.js';

const settings = { DUNNING_INTERVALS: '3d,5d' };

// Each test brings up a whole product anew.
vi.setConfig({ testTimeout: 120_000 });

let database: Database;
let sandbox: Sandbox;
let product: Product;
beforeAll(async () => {
  [database, sandbox] = await Promise.all([createDatabase(), startSandbox({ port: 0 })]);
  product = await startProduct(settings, { database, sandbox });
});
afterAll(async () => {
  await product?.close();
  await sandbox?.close();
  await database?.drop();
});

/** The same ledger and the same Stripe, on a Temporal that knows of nothing; `then` happens in between. */
async function loseTemporal(then: () => Promise<unknown> = async () => {}): Promise<void> {
  await product.close();
  product = await startProduct(settings, { database, sandbox, worker: false });
  await then();
  await product.startWorker();
}

const fail = (path: string) =>
  product.control('POST', '/faults', { kind: 'error', path, status: 503 });
const mend = () => product.control('DELETE', '/faults');
const dunningOf = async (teamId: string) =>
  (await product.api('GET', `/api/v1/teams/${teamId}`)).body.dunning;

/** Lets the days pass that a ladder waits, until it stands at the second strike. */
async function climbs({ teamId }: Pick<Subscriber, 'teamId'>): Promise<void> {
  await passTime(product.temporal, `subscription:${teamId}`, 3);
  await product.until(teamId, ({ dunning }) => expect(dunning?.strike).toBe(2));
}

/** Its subscription lies on the customer of another team, and names it. */
async function guestOf({ customerId }: { customerId: string }): Promise<Subscriber> {
  const teamId = await freeTeam(product);
  const { id: subscriptionId } = await product.stripe.subscriptions.create({
    customer: customerId,
    items: [{ price: 'price_sandbox_pro' }],
    metadata: { team_id: teamId },
    billing_mode: { type: 'flexible' },
  });
  await product.until(teamId, ({ tier }) => expect(tier).toBe('pro'));
  await settled(product, teamId);
  return { teamId, customerId, subscriptionId };
}

test('R24, R27, R28: every ladder goes on from Postgres at the time it had', async () => {
  const waits = await unpaid(product);
  const asked = await subscriber(product);
  const card = 'pm_card_authenticationRequired';
  await product.control('POST', `/customers/${asked.customerId}/card`, { card });
  const asking = await renew(product, asked);
  await expect
    .poll(() => sent(product, asked.teamId), patiently)
    .toEqual(['payment-action-required']);
  const guest = await guestOf(await customerTeam(product));
  await breakCard(product, guest);
  await renew(product, guest);
  await product.until(guest.teamId, ({ dunning }) => expect(dunning?.strike).toBe(1));
  const tried = await unpaid(product);
  for (const { teamId } of [waits, asked, guest, tried]) await settled(product, teamId);

  await fail(`^/v1/invoices/${tried.invoiceId}/pay$`);
  await product.api('POST', `/api/v1/teams/${tried.teamId}/actions/retry-payment`, {
    actor: 'rina',
    reason: 'the customer called',
  });
  const before = await Promise.all([waits, guest].map(({ teamId }) => dunningOf(teamId)));

  await loseTemporal(mend);
  const { code, stdout } = await cli(product, 'resync');
  expect({ code, stdout }).toEqual({ code: 0, stdout: '5 teams will be read anew.\n' });
  for (const { teamId } of [waits, asked, guest, tried]) await settled(product, teamId);

  expect(await Promise.all([waits, guest].map(({ teamId }) => dunningOf(teamId)))).toEqual(before);
  await Promise.all([climbs(waits), climbs(guest)]);
  await expect
    .poll(() => sent(product, waits.teamId), patiently)
    .toEqual(['payment-warning', 'payment-critical']);

  expect(new Set(await attempts(product, tried.invoiceId)).size).toBe(1);
  expect((await timeline(product, tried.teamId)).at(-1)?.kind).toBe('payment_attempt_failed');

  expect(await dunningOf(asked.teamId)).toBeNull();
  await passTime(product.temporal, `subscription:${asked.teamId}`, 1);
  await product.until(asked.teamId, ({ dunning }) =>
    expect(dunning).toMatchObject({ strike: 1, invoiceId: asking }),
  );
});

test('R36: a mail that waited is sent', async () => {
  await fail('^/email');
  const team = await unpaid(product);
  await loseTemporal(mend);
  expect(await sent(product, team.teamId)).toEqual([]);
  await cli(product, 'resync');
  await expect.poll(() => sent(product, team.teamId), patiently).toEqual(['payment-warning']);
});

test('R32: a close that was under way is done, once', async () => {
  const month = monthsAgo(1);
  const { teamId } = await subscribedIn(product, month, 'pro');
  await settled(product, teamId);
  await track(product, month, teamId, 60_000);
  await fail('^/v1/invoiceitems');
  await product.api('POST', '/api/v1/closes', { period: month.id });
  await expect
    .poll(async () => (await recordOf(product, month, teamId)).status, patiently)
    .toBe('due');
  await loseTemporal(mend);
  await cli(product, 'resync');
  await expect
    .poll(
      async () => (await product.api('GET', `/api/v1/closes/${month.id}`)).body.status,
      patiently,
    )
    .toBe('completed');
  expect((await recordOf(product, month, teamId)).status).toBe('pending');
});

test('one team alone is brought back by its name', async () => {
  const [named, other] = [await unpaid(product), await unpaid(product)];
  for (const { teamId } of [named, other]) await settled(product, teamId);
  await loseTemporal();
  const { stdout } = await cli(product, 'resync', named.teamId);
  expect(stdout).toBe('1 team will be read anew.\n');
  await settled(product, named.teamId);
  await climbs(named);
  const workflow = product.temporal.workflow.getHandle(`subscription:${other.teamId}`);
  await expect(workflow.describe()).rejects.toThrow('not found');
  expect(await cli(product, 'resync', 'nobody')).toMatchObject({
    code: 1,
    stderr: 'No team has the id nobody\n',
  });
});
