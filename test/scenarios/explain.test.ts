import { expect, test } from 'vitest';
import { cli } from '../support/cli.js';
import { close, monthsAgo, subscribedIn, track } from '../support/months.js';
import { sharedProduct } from '../support/product.js';

const product = sharedProduct();

test('a record is explained step by step, over HTTP and in a shell, and refused where a figure is another one (R33)', async () => {
  const month = monthsAgo(1);
  const { teamId } = await subscribedIn(product, month, 'pro');
  await track(product, month, teamId, 62_345);
  await close(product, month);
  const path = `/api/v1/teams/${teamId}/usage-billings/${month.id}`;
  const explained = await product.api('GET', `${path}?explain=true`);
  expect(explained).toMatchObject({ status: 200, body: { amountDue: { amount: 12_345 } } });
  const texts: string[] = explained.body.explanation.steps.map(
    ({ text }: { text: string }) => text,
  );
  expect(texts).toContainEqual(expect.stringContaining('max(0, 62345 − 50000) = 12345'));
  expect((await product.api('GET', path)).body).not.toHaveProperty('explanation');
  expect(await cli(product, 'explain', teamId, month.id)).toEqual({
    code: 0,
    stdout: texts.map((text, index) => `${index + 1}. ${text}\n`).join(''),
    stderr: '',
  });
  const json = await cli(product, 'explain', teamId, month.id, '--json');
  expect(JSON.parse(json.stdout)).toEqual(explained.body);

  await product.pool.query(`update tagih.usage_events set tokens = tokens + 5 where team_id = $1`, [
    teamId,
  ]);
  const detail = expect.stringMatching(/62\D?345 recorded, 62\D?350 found/);
  expect(await product.api('GET', `${path}?explain=true`)).toMatchObject({
    status: 409,
    body: { code: 'record_mismatch', detail },
  });
  expect(await cli(product, 'explain', teamId, month.id)).toEqual({
    code: 1,
    stdout: '',
    stderr: detail,
  });
  expect(await cli(product, 'explain', teamId, '2020-01')).toMatchObject({
    code: 1,
    stderr: `${teamId} has no record of 2020-01.\n`,
  });
});
