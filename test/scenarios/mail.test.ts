import { afterEach, expect, test } from 'vitest';
import { sharedProduct } from '../support/product.js';
import {
  breakCard,
  patiently,
  renew,
  sent,
  settled,
  subscriber,
  timeline,
  unpaid,
} from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });
afterEach(() => product.control('DELETE', '/faults'));

async function written(teamId: string) {
  const { rows } = await product.pool.query<{ kind: string; sent: boolean; refused: string }>(
    `select kind, sent_at is not null as sent, refused from tagih.emails where team_id = $1`,
    [teamId],
  );
  return rows;
}

test('R36, R26: while Postmark is down mail waits, nothing else does; what is still true is sent, once', async () => {
  await product.control('POST', '/faults', { kind: 'error', path: '^/email', status: 503 });
  const team = await unpaid(product);
  await expect
    .poll(() => written(team.teamId), patiently)
    .toEqual([{ kind: 'payment-warning', sent: false, refused: null }]);
  await product.stripe.invoices.pay(team.invoiceId, { paid_out_of_band: true });
  await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
  expect(await sent(product, team.teamId)).toEqual([]);

  await product.control('DELETE', '/faults');
  await settled(product, team.teamId);
  expect(await sent(product, team.teamId)).toEqual(['payment-recovered']);
});

test('R36: a recipient that Postmark refuses for good is recorded and shown, and keeps no other mail back', async () => {
  const inactive = await subscriber(product);
  await product.api('PUT', `/api/v1/teams/${inactive.teamId}`, {
    name: 'Acme',
    adminEmail: 'inactive@acme.example',
  });
  await breakCard(product, inactive);
  const invoiceId = await renew(product, inactive);
  const other = await unpaid(product);
  await settled(product, inactive.teamId);
  await settled(product, other.teamId);
  expect(await written(inactive.teamId)).toEqual([
    { kind: 'payment-warning', sent: false, refused: '406' },
  ]);
  const [entry, ...more] = (await timeline(product, inactive.teamId)).filter(
    ({ kind }) => kind === 'mail_refused',
  );
  expect(more).toEqual([]);
  expect(entry).toMatchObject({
    cause: invoiceId,
    actor: 'tagih',
    details: { mail: 'payment-warning', code: '406' },
  });
  expect(JSON.stringify(entry)).not.toContain('@');
  expect(await sent(product, inactive.teamId)).toEqual([]);
  expect(await sent(product, other.teamId)).toEqual(['payment-warning']);
});

test('a mail goes to whoever is the admin now, says what is owed and where it is paid', async () => {
  const team = await subscriber(product);
  await product.api('PUT', `/api/v1/teams/${team.teamId}`, {
    name: 'Acme & Söhne',
    adminEmail: 'new@acme.example',
  });
  await breakCard(product, team);
  const invoiceId = await renew(product, team);
  await expect.poll(() => sent(product, team.teamId), patiently).toHaveLength(1);
  const [mail] = await product.mails(team.teamId);
  const { hosted_invoice_url: url } = await product.stripe.invoices.retrieve(invoiceId);
  expect(mail).toMatchObject({
    to: 'new@acme.example',
    tag: 'payment-warning',
    metadata: { teamId: team.teamId, cause: invoiceId },
  });
  for (const part of ['Acme & Söhne', 'Rp\u00a0299.000', url]) expect(mail?.text).toContain(part);
});
