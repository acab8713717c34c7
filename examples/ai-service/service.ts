import { randomUUID } from 'node:crypto';
import { generateText, type LanguageModel } from 'ai';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { type Tagih, TagihError, type Tracked } from 'tagih/client';

const LONGEST_ANSWER = 200;
const PATIENCE_MS = 5_000;

/** A service that answers prompts with AI, for teams that may go on, and bills them for the tokens. */
export function createService(tagih: Tagih, model: LanguageModel): Express {
  const service = express();
  service.use(express.json());
  service.post('/answers', async (request, response) => {
    // Of a real service's team its session tells; its prompt is anything that the body holds.
    const teamId = String(request.get('x-team-id'));
    const prompt = String(request.body?.prompt);

    const signal = AbortSignal.timeout(PATIENCE_MS);
    const access = await tagih.access(teamId, { tokens: LONGEST_ANSWER, signal });
    if (!access.allowed) {
      const status = access.reason === 'locked_by_payment' ? 403 : 402;
      return void response.status(status).json({ reason: access.reason, fix: access.fix });
    }

    const { text, usage, finalStep } = await generateText({
      model,
      prompt,
      maxOutputTokens: LONGEST_ANSWER,
    });
    const tracked = await record(tagih, {
      teamId,
      // A request that is sent again under its key is answered again, and billed once.
      idempotencyKey: request.get('idempotency-key') ?? randomUUID(),
      tokens: (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0),
      metadata: { model: finalStep.response.modelId },
    });
    response.json({ text, remainingTokens: tracked?.remainingTokens ?? null });
  });
  service.use(answerErrors);
  return service;
}

/** An answer that is there is given, whatever becomes of its bill. */
async function record(
  tagih: Tagih,
  event: Parameters<Tagih['track']>[0],
): Promise<Tracked | undefined> {
  // Some models do not tell what they used.
  if (event.tokens === 0) return undefined;
  try {
    return await tagih.track(event);
  } catch (error) {
    if (!(error instanceof TagihError)) throw error;
    // The first answer to this request is on the bill; this one took other tokens.
    if (error.code === 'idempotency_conflict') return undefined;
    // With its key, so that it can be sent again: it counts once whatever happened.
    console.error('not billed', error.code, JSON.stringify(error.event));
    return undefined;
  }
}

/** Without an answer of Tagih's nobody knows whether the team may go on. */
const answerErrors: ErrorRequestHandler = (error, _request, response, _next) => {
  if (error instanceof TagihError && error.code === 'unknown_team') {
    return void response.status(404).json({ reason: 'unknown_team' });
  }
  console.error(error);
  response.status(503).json({ reason: 'unavailable' });
};
