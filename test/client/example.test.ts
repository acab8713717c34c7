import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createTagih, type Tagih } from 'tagih/client';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { mockModel } from '../../examples/ai-service/mockModel.js';
import { createService } from '../../examples/ai-service/service.js';
import { KEY, sharedProduct } from '../support/product.js';
import { send } from '../support/send.js';
import { freeTeam, unpaid } from '../support/stories.js';
import { problem, startStand } from './stand.js';

const product = sharedProduct({ DUNNING_INTERVALS: '400ms,400ms' });
const model = mockModel();

async function serve(tagih: Tagih) {
  const server = createService(tagih, model).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

let service: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  service = await serve(createTagih({ url: product.url, apiKey: KEY }));
});
afterAll(() => service.close());

/** A prompt of a team's user, as the host product sends it on. */
const ask = (teamId: string, prompt: string, key: string = randomUUID(), url = service.url) =>
  send(`${url}/answers`, {
    method: 'POST',
    headers: { 'x-team-id': teamId, 'idempotency-key': key, 'content-type': 'application/json' },
    body: JSON.stringify({ prompt }),
  });

const usageOf = async (teamId: string) =>
  (await product.api('GET', `/api/v1/teams/${teamId}/usage?groupBy=model`)).body;

test('an answer is billed with the tokens that its model used', async () => {
  const teamId = await freeTeam(product);
  const { status, body } = await ask(teamId, 'What does a token cost?');
  // 23 characters in, 33 out, four to a token.
  expect({ status, body }).toEqual({
    status: 200,
    body: { text: 'You said: What does a token cost?', remainingTokens: 500 - 15 },
  });
  expect(await usageOf(teamId)).toMatchObject({
    usedTokens: 15,
    groups: [{ key: 'echo', tokens: 15 }],
  });
});

test('a request that comes twice is answered twice, and billed once (R9)', async () => {
  const teamId = await freeTeam(product);
  const key = randomUUID();
  const prompts = ['Short', 'A prompt that takes more tokens than the first one did'];
  for (const prompt of [...prompts, ...prompts]) {
    expect((await ask(teamId, prompt, key)).body.text).toBe(`You said: ${prompt}`);
  }
  expect(await usageOf(teamId)).toMatchObject({ usedTokens: 6 });
});

test('a team without tokens is refused with 402 before the model is asked', async () => {
  const teamId = await freeTeam(product);
  await product.api('POST', '/api/v1/usage', { teamId, idempotencyKey: 'k', tokens: 301 });
  const asked = model.doGenerateCalls.length;
  const { status, body } = await ask(teamId, 'More?');
  expect({ status, body }).toEqual({
    status: 402,
    body: { reason: 'free_limit_reached', fix: 'upgrade' },
  });
  expect(model.doGenerateCalls).toHaveLength(asked);
});

test('a team that is locked is refused with 403', async () => {
  const { teamId } = await unpaid(product, 3);
  const { status, body } = await ask(teamId, 'Please?');
  expect({ status, body }).toEqual({
    status: 403,
    body: { reason: 'locked_by_payment', fix: 'update_payment_method' },
  });
});

test('an answer whose bill fails is given all the same, and the log holds what is to be billed', async () => {
  const teamId = await freeTeam(product);
  const log = vi.spyOn(console, 'error').mockReturnValue();
  const stand = await startStand(product.url, async (request) =>
    request.method === 'POST' ? problem(500, 'internal_error') : request.forward(),
  );
  const service = await serve(createTagih({ url: stand.url, apiKey: KEY }));
  const { status, body } = await ask(teamId, 'Hi', 'question-1', service.url);
  expect({ status, body }).toEqual({
    status: 200,
    body: { text: 'You said: Hi', remainingTokens: null },
  });
  const event = { teamId, idempotencyKey: 'question-1', tokens: 4, metadata: { model: 'echo' } };
  const [[what, code, json] = []] = log.mock.calls;
  expect([what, code, JSON.parse(json)]).toEqual(['not billed', 'internal_error', event]);
  log.mockRestore();
  service.close();
  await stand.close();
});

test('a team that nobody knows is refused with 404', async () => {
  expect((await ask('nobody', 'Hello?')).status).toBe(404);
});
