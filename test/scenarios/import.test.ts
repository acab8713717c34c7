import type Stripe from 'stripe';
import { expect, test } from 'vitest';
import { cli } from '../support/cli.js';
import { listed } from '../support/events.js';
import { ledgerOf } from '../support/ledger.js';
import { sharedProduct } from '../support/product.js';
import { customerTeam, freeTeam, settled } from '../support/stories.js';

const product = sharedProduct();

async function subscribed(
  customer: Stripe.CustomerCreateParams,
  teamId?: string,
): Promise<{ customerId: string }> {
  const { id } = await product.stripe.customers.create({
    email: 'finance@acme.example',
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
    ...customer,
  });
  await product.stripe.subscriptions.create({
    customer: id,
    items: [{ price: 'price_sandbox_pro' }],
    ...(teamId !== undefined && { metadata: { team_id: teamId } }),
    billing_mode: { type: 'flexible' },
  });
  return { customerId: id };
}

test('R18: the teams of an account that has customers are made, once, and what waited comes to them', async () => {
  const nameless = await subscribed({});
  const named = await subscribed({ name: 'Bintang', metadata: { team_id: 'bintang' } });
  const bySubscription = await subscribed({}, 'cahaya');
  const again = await subscribed({ metadata: { team_id: 'bintang' } });
  const two = await subscribed({ metadata: { team_id: 'delima' } }, 'embun');
  const malformed = await subscribed({ metadata: { team_id: 'fajar & co' } });
  const silent = await subscribed({ email: '' });
  const waiting = await freeTeam(product);
  const linked = await subscribed({ metadata: { team_id: waiting } });
  const known = await customerTeam(product);
  await settled(product, known.teamId);

  const expected = [
    { ...nameless, teamId: nameless.customerId, result: 'created' },
    { ...again, teamId: 'bintang', result: 'created' },
    { ...bySubscription, teamId: 'cahaya', result: 'created' },
    { ...named, teamId: 'bintang', result: 'other_customer' },
    { ...two, teamId: 'delima', result: 'ambiguous_team' },
    { ...malformed, teamId: 'fajar & co', result: 'invalid_team_id' },
    { ...silent, teamId: silent.customerId, result: 'no_email' },
    { ...linked, teamId: waiting, result: 'linked' },
    { ...known, result: 'known' },
  ].toSorted((a, b) => a.customerId.localeCompare(b.customerId));
  const run = async (...args: string[]) => {
    const { code, stdout } = await cli(product, 'import', '--from-stripe', '--json', ...args);
    expect(code).toBe(1);
    const rows: { customerId: string; result: string }[] = JSON.parse(stdout);
    return rows.toSorted((a, b) => a.customerId.localeCompare(b.customerId));
  };

  const { teams } = await ledgerOf(product);
  expect(await run('--dry-run')).toEqual(expected);
  expect((await ledgerOf(product)).teams).toEqual(teams);

  expect(await run()).toEqual(expected);
  for (const teamId of [nameless.customerId, 'bintang', 'cahaya', waiting]) {
    await product.until(teamId, ({ tier }) => expect(tier).toBe('pro'));
  }
  expect((await product.api('GET', `/api/v1/teams/${nameless.customerId}`)).body).toMatchObject({
    name: 'finance@acme.example',
  });
  expect((await product.api('GET', `/api/v1/teams/${waiting}`)).body).toMatchObject({
    name: 'Acme',
    stripeCustomerId: linked.customerId,
  });
  const parked = new Set((await listed(product, 'parked')).map(({ customerId }) => customerId));
  expect(parked).not.toContain(nameless.customerId);
  expect(parked).toContain(silent.customerId);

  const results = Object.groupBy(await run(), ({ result }) => result);
  expect(Object.keys(results).toSorted()).toEqual([
    'ambiguous_team',
    'invalid_team_id',
    'known',
    'no_email',
    'other_customer',
  ]);
  expect(results['known']).toHaveLength(5);
});
