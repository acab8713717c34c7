import { expect, test } from 'vitest';
import { close, monthsAgo, subscribedIn, track } from '../support/months.js';
import { textOf } from '../support/pdf.js';
import { KEY, sharedProduct } from '../support/product.js';
import { freeTeam, patiently } from '../support/stories.js';

const product = sharedProduct({ ATTACH_STATEMENT: 'true' });

const get = (teamId: string, period: string, key = KEY) =>
  fetch(`${product.url}/api/v1/teams/${teamId}/usage-billings/${period}/statement.pdf`, {
    headers: { authorization: `Bearer ${key}` },
  });

test('a month that is closed has a statement, over HTTP and with its summary by mail (R32, R33)', async () => {
  const month = monthsAgo(1);
  const { teamId } = await subscribedIn(product, month, 'pro');
  await track(product, month, teamId, 62_345);
  expect((await get(teamId, month.id)).status).toBe(404);
  await close(product, month);

  const arithmetic = '(62.345 – 50.000) ÷ 1.000 × Rp 10 = Rp 123,45 Rp 123,45 Total Rp 123,45';
  const response = await get(teamId, month.id);
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'application/pdf',
    'content-disposition': `attachment; filename="statement-${teamId}-${month.id}.pdf"`,
    'cache-control': 'private, no-cache',
  });
  expect(await textOf(await response.bytes())).toContain(arithmetic);

  const mails = async () => (await product.mails(teamId)).map(({ tag }) => tag);
  await expect.poll(mails, patiently).toEqual(['usage-100', 'monthly-summary']);
  const [threshold, summary] = await product.mails(teamId);
  expect(threshold?.attachments).toEqual([]);
  expect(summary?.attachments).toMatchObject([
    { name: `statement-${teamId}-${month.id}.pdf`, contentType: 'application/pdf' },
  ]);
  const content = Buffer.from(summary?.attachments[0]?.content ?? '', 'base64');
  expect(await textOf(content)).toContain(arithmetic);
});

test('a statement is refused as its record is', async () => {
  const teamId = await freeTeam(product);
  const problems = async (team: string, period: string, key?: string) => {
    const response = await get(team, period, key);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
    return response.json();
  };
  expect(await problems(teamId, '2025-01')).toMatchObject({
    status: 404,
    code: 'unknown_usage_billing',
  });
  expect(await problems('nobody', '2025-01')).toMatchObject({ status: 404, code: 'unknown_team' });
  expect(await problems(teamId, '2025-13')).toMatchObject({ status: 400, code: 'invalid_request' });
  expect(await problems(teamId, '2025-01', 'a_key_that_nobody_has_made')).toMatchObject({
    status: 401,
    code: 'unauthorized',
  });
});
