import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLog } from '../../src/log.js';
import { startServer } from '../../src/server.js';
import { dayOf, monthsAgo } from '../support/months.js';
import { type Answer, KEY, sharedProduct } from '../support/product.js';
import { send } from '../support/send.js';
import { freeTeam, patiently, sent, settled, subscriber, timeline } from '../support/stories.js';

const open = monthsAgo(0);
const last = monthsAgo(1);

const product = sharedProduct();

// Another server on the same ledger: what is said once is said once by both.
let other: Awaited<ReturnType<typeof startServer>>;
beforeAll(async () => {
  other = await startServer(product.settings, createLog('silent', 'test'));
});
afterAll(() => other?.close());

function post(path: string, body: object, url = product.url): Promise<Answer> {
  return send(`${url}/api/v1/usage${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

const event = (teamId: string, tokens: number, more: object = {}) => ({
  teamId,
  idempotencyKey: randomUUID(),
  tokens,
  ...more,
});

const record = (teamId: string, tokens: number, more: object = {}) =>
  post('', event(teamId, tokens, more));

const correct = (teamId: string, tokens: number) =>
  post('/corrections', {
    ...event(teamId, tokens),
    period: open.id,
    reason: 'counted twice',
    actor: 'ana',
  });

/** `count` events of one token each, through both servers at once. */
const atOnce = (teamId: string, count: number, tokens = 1) =>
  Promise.all(
    Array.from({ length: count }, (_, index) =>
      post('', event(teamId, tokens), index % 2 === 0 ? product.url : other.url),
    ),
  );

/** The kinds of mail that were written down, and of the lines on the timeline; each should be there once. */
async function told(teamId: string): Promise<{ mails: string[]; lines: string[] }> {
  const { rows } = await product.pool.query<{ kind: string }>(
    'select kind from tagih.emails where team_id = $1 order by id',
    [teamId],
  );
  const lines = (await timeline(product, teamId)).map(({ kind }) => kind);
  return {
    mails: rows.map(({ kind }) => kind),
    lines: lines.filter((kind) => kind !== 'usage_corrected'),
  };
}

const nothing = { mails: [], lines: [] };
const first = { mails: ['usage-80'], lines: ['usage_80'] };
const both = { mails: ['usage-80', 'usage-100'], lines: ['usage_80', 'usage_100'] };

describe('80 and 100 % of the limit are told of once for each team, period and threshold (R14)', () => {
  test('under 50 requests at once, through two servers', async () => {
    const teamId = await freeTeam(product);
    await record(teamId, 375);
    expect(await told(teamId)).toEqual(nothing);
    await atOnce(teamId, 50);
    expect(await told(teamId)).toEqual(first);
    await record(teamId, 50);
    await atOnce(teamId, 50);
    expect(await told(teamId)).toEqual(both);
    await atOnce(teamId, 20, 500);
    expect(await told(teamId)).toEqual(both);
    await expect.poll(() => sent(product, teamId), patiently).toEqual(both.mails);
  });

  test('whoever of 50 comes over both together with others, there is a mail for 100 %', async () => {
    const teamId = await freeTeam(product);
    await atOnce(teamId, 50, 20);
    const { mails, lines } = await told(teamId);
    // Both, or the higher one alone where one commit came over both.
    expect([both.mails, ['usage-100']]).toContainEqual(mails);
    expect(lines).toEqual(mails.map((kind) => kind.replace('-', '_')));
  });

  test('a jump over both says 100 % alone', async () => {
    const teamId = await freeTeam(product);
    await record(teamId, 7_000);
    expect(await told(teamId)).toEqual({ mails: ['usage-100'], lines: ['usage_100'] });

    const inOneBatch = await freeTeam(product);
    await post('/batch', { events: [399, 1, 100].map((tokens) => event(inOneBatch, tokens)) });
    expect(await told(inOneBatch)).toEqual({ mails: ['usage-100'], lines: ['usage_100'] });
  });

  test('repetitions tell nothing', async () => {
    const teamId = await freeTeam(product);
    const usage = event(teamId, 420);
    await Promise.all(Array.from({ length: 20 }, () => post('', usage)));
    expect(await told(teamId)).toEqual(first);
  });

  test('corrections, down and up again, tell nothing twice (R13)', async () => {
    const teamId = await freeTeam(product);
    await record(teamId, 410);
    for (const tokens of [-200, 200, -410, 410]) await correct(teamId, tokens);
    expect(await told(teamId)).toEqual(first);
    await correct(teamId, 200);
    expect(await told(teamId)).toEqual(both);
    await correct(teamId, -600);
    await record(teamId, 410);
    await record(teamId, 410);
    expect(await told(teamId)).toEqual(both);
  });

  test('another team and another period are told on their own', async () => {
    const [one, two] = [await freeTeam(product), await freeTeam(product)];
    await Promise.all([record(one, 400), record(two, 400)]);
    await record(one, 400, { occurredAt: dayOf(last, 9) });
    expect(await told(two)).toEqual(first);
    const { rows } = await product.pool.query(
      'select kind, cause from tagih.emails where team_id = $1 order by cause',
      [one],
    );
    expect(rows).toEqual([
      { kind: 'usage-80', cause: last.id },
      { kind: 'usage-80', cause: open.id },
    ]);
  });
});

test('the mail says how much of what was used, and what comes after it (R14)', async () => {
  const { teamId } = await subscriber(product);
  await record(teamId, 40_123);
  await record(teamId, 20_000);
  await settled(product, teamId);
  const mails = (await product.mails(teamId)).filter(({ tag }) => tag.startsWith('usage-'));
  expect(mails).toMatchObject([
    {
      tag: 'usage-80',
      to: `${teamId}@admin.example`,
      subject: `Acme has used 80 % of its tokens for ${open.id}`,
      text: expect.stringMatching(/40\.123 of the 50\.000 tokens that its pro plan includes/),
      metadata: { teamId, cause: open.id },
    },
    {
      tag: 'usage-100',
      subject: `Acme has used all of its tokens for ${open.id}`,
      text: expect.stringMatching(/60\.123 of the 50\.000 .*comes with a later invoice/s),
    },
  ]);
  const lines = (await timeline(product, teamId)).filter(({ kind }) => kind.startsWith('usage_'));
  expect(lines).toMatchObject([
    {
      kind: 'usage_80',
      summary: `80 % of the tokens of ${open.id} are used`,
      actor: 'tagih',
      details: { period: open.id, usedTokens: 40_123, tokenLimit: 50_000 },
    },
    { kind: 'usage_100', details: { usedTokens: 60_123 } },
  ]);

  const free = await freeTeam(product);
  await record(free, 500);
  await expect
    .poll(async () => (await product.mails(free))[0]?.text, patiently)
    .toMatch(/500 of the 500 tokens.*AI stops until the next month/s);
});
