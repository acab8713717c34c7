import { describe, expect, test } from 'vitest';
import { refusal, startWorld, stripeClient } from './support/world.js';

describe('failures on purpose', () => {
  test('an error of any kind, as often as asked', async () => {
    const { stripe, control } = await startWorld();
    await control('POST', '/faults', {
      method: 'GET',
      path: '^/v1/customers',
      times: 2,
      kind: 'error',
      status: 429,
      body: { error: { type: 'invalid_request_error', code: 'rate_limit', message: 'Slow down' } },
      headers: { 'retry-after': '1' },
    });
    expect(await refusal(stripe.customers.list())).toMatchObject({ type: 'StripeRateLimitError' });
    await stripe.customers.create({});
    expect(await control<unknown[]>('GET', '/faults')).toHaveLength(1);
    await refusal(stripe.customers.list());
    expect((await stripe.customers.list()).data).toHaveLength(1);
  });

  test('a cut before the effect and one after it', async () => {
    const { stripe, control } = await startWorld();
    // Twice, for the client itself tries once more when a connection is reset.
    const cut = { path: '^/v1/customers', times: 2, kind: 'reset' };
    await control('POST', '/faults', cut);
    const lost = await refusal(stripe.customers.create({ name: 'before' }));
    expect(lost).toMatchObject({ type: 'StripeConnectionError' });
    await control('POST', '/faults', { ...cut, after: true });
    await refusal(stripe.customers.create({ name: 'after' }, { idempotencyKey: 'k' }));
    const { data } = await stripe.customers.list();
    expect(data.map((customer) => customer.name)).toEqual(['after']);
    const again = await stripe.customers.create({ name: 'after' }, { idempotencyKey: 'k' });
    expect(again.id).toBe(data[0]?.id);
  });

  test('one request alone, by its idempotency key', async () => {
    const { stripe, control } = await startWorld();
    const cut = { path: '^/v1/customers', idempotencyKey: '^team_7:', times: 1, kind: 'error' };
    await control('POST', '/faults', cut);
    await stripe.customers.create({ name: 'of no key' });
    await stripe.customers.create({ name: 'of another' }, { idempotencyKey: 'team_70:1' });
    const struck = stripe.customers.create({ name: 'struck' }, { idempotencyKey: 'team_7:1' });
    expect(await refusal(struck)).toMatchObject({ statusCode: 500 });
    expect(await control('GET', '/faults')).toEqual([]);
    const { data } = await stripe.customers.list();
    expect(data.map(({ name }) => name)).toEqual(['of another', 'of no key']);
  });

  test('silence, until the faults are cleared', async () => {
    const { sandbox, control } = await startWorld();
    const impatient = stripeClient(sandbox, { timeout: 100 });
    await control('POST', '/faults', { path: '^/v1/', kind: 'timeout' });
    await refusal(impatient.customers.list());
    await refusal(impatient.customers.list());
    await control('DELETE', '/faults');
    expect((await impatient.customers.list()).data).toEqual([]);
    const seen = await control<{ status: number | null }[]>('GET', '/requests?path=customers');
    expect(seen.map(({ status }) => status)).toEqual([null, null, 200]);
    await control('DELETE', '/requests');
    expect(await control('GET', '/requests')).toEqual([]);
  });

  test('mail fails as well', async () => {
    const { mail, control } = await startWorld();
    await control('POST', '/faults', { path: '^/email', times: 1, kind: 'error', status: 503 });
    const message = {
      From: 'billing@tagih.test',
      To: 'admin@team.test',
      Subject: 'Hi',
      TextBody: 'Hello',
    };
    await expect(mail.sendEmail(message)).rejects.toMatchObject({ statusCode: 503 });
    expect(await mail.sendEmail(message)).toMatchObject({ ErrorCode: 0 });
  });
});
