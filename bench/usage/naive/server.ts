// The baseline: usage as everyone writes it on the first day, with care. One transaction for each
// request, a pool of 10, plain Express.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import { z } from 'zod';
import { access, createPool, isValidKey, track, transaction } from './ledger.js';

const env = z.object({ DATABASE_URL: z.string(), PORT: z.coerce.number() }).parse(process.env);

const usage = z.strictObject({
  teamId: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  idempotencyKey: z.string().min(1).max(255),
  tokens: z.int().min(1).max(1_000_000_000),
  occurredAt: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    .default(() => new Date()),
  metadata: z
    .record(z.string().regex(/^[A-Za-z0-9_.-]{1,40}$/), z.string().max(200))
    .refine((entries) => Object.keys(entries).length <= 20)
    .default({}),
});
const batch = z.strictObject({ events: z.array(usage).min(1).max(1_000) });
const question = z.strictObject({ tokens: z.coerce.number().int().min(1).default(1) });

const hash = (key: string) => createHash('sha256').update(key).digest('hex');
const authenticate: RequestHandler = async (request, response, next) => {
  const [, key] = /^Bearer (.+)$/.exec(request.get('authorization') ?? '') ?? [];
  if (key !== undefined && (await isValidKey(pool, hash(key)))) return next();
  response.status(401).json({ code: 'unauthorized' });
};

const answerErrors: ErrorRequestHandler = (error, _request, response, _next) => {
  if (error instanceof z.ZodError) {
    response.status(400).json({ code: 'invalid_request', errors: error.issues });
  } else if (error.code === '23503') {
    response.status(404).json({ code: 'unknown_team' });
  } else {
    process.stderr.write(`${error.stack}\n`);
    response.status(error.status ?? 500).json({ code: 'failed' });
  }
};

const pool = createPool(env.DATABASE_URL);
const app = express();
app.disable('x-powered-by');
app.set('etag', false);
app.use(authenticate, express.json({ limit: '2mb' }));

app.post('/api/v1/usage', async (request, response) => {
  const event = usage.parse(request.body);
  const tracked = await transaction(pool, (db) => track(db, event));
  response.status(tracked.result === 'conflict' ? 409 : 200).json(tracked);
});

app.post('/api/v1/usage/batch', async (request, response) => {
  const { events } = batch.parse(request.body);
  // In the order of the teams: two batches that lock totals in different orders would deadlock.
  const order = events
    .map((event, index) => ({ event, index, team: event.teamId }))
    .sort((a, b) => Number(a.team > b.team) - Number(a.team < b.team));
  const answers = await transaction(pool, async (db) => {
    const tracked = [];
    for (const { event, index } of order) {
      const { result, ...totals } = await track(db, event);
      const { teamId, idempotencyKey } = event;
      tracked.push({ index, teamId, idempotencyKey, result, totals });
    }
    return tracked;
  });
  const totals = new Map(answers.map(({ teamId, totals }) => [teamId, { teamId, ...totals }]));
  response.json({
    results: answers
      .toSorted((a, b) => a.index - b.index)
      .map(({ teamId, idempotencyKey, result }) => ({ teamId, idempotencyKey, result })),
    totals: [...totals.values()],
  });
});

app.get('/api/v1/teams/:teamId/access', async (request, response) => {
  const { tokens } = question.parse(request.query);
  const answer = await access(pool, request.params.teamId, tokens);
  if (answer === undefined) response.status(404).json({ code: 'unknown_team' });
  else response.json(answer);
});

app.use(answerErrors);

const http = createServer(app);
http.listen(env.PORT, '127.0.0.1', () => process.send?.('ready'));

process.once('SIGTERM', async () => {
  await new Promise((resolve) => {
    http.close(resolve);
    http.closeIdleConnections();
  });
  await pool.end();
  process.exit(0);
});
