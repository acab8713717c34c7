import { z } from 'zod';
import type { Close } from '../../../../db/closes.js';
import { closeProgress, closeStages } from '../../../../domain/closeProgress.js';
import type { CloseStarter } from '../../../../services/closeStarter.js';
import { answer, endpoint } from '../../../endpoint.js';
import { requireUnbound } from '../../../mount.js';
import { Problem } from '../../../problem.js';
import { money, moneySchema, noQuery, periodId } from '../../../schemas.js';

const closeSchema = z
  .object({
    period: periodId,
    status: z.enum(['running', 'completed', 'failed']),
    teams: z.object({ total: z.int(), done: z.int(), failed: z.int() }),
    progress: z.object({
      stage: z.enum(closeStages).nullable().meta({
        description:
          'What it does, or did when it stopped: waits for facts, seals, verifies totals, writes records and summaries, bills; null: completed, or not begun',
      }),
      done: z.int().meta({ description: 'Records of that stage: written, or billed' }),
      total: z.int(),
      percent: z.number().meta({ description: 'Of the whole close; it never goes back in a run' }),
      perSecond: z.number().nullable().meta({ description: 'Since the stage began' }),
      expectedEnd: z.iso.datetime().nullable().meta({
        description: 'At that rate; null before billing begins: nobody knows how much that is',
      }),
    }),
    overage: moneySchema,
    factsLeftBehind: z.int().meta({
      description: 'Facts that had not arrived after an hour, and that the close went on without',
    }),
    failure: z.string().nullable().meta({ description: 'Why it stopped, where it did by itself' }),
    startedAt: z.iso.datetime(),
    finishedAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Close' });

/** How far a close is at an instant, as the API shows it. */
export function closeBody({ counts, ...close }: Close, now: Date) {
  const { expectedEnd, ...progress } = closeProgress(counts, now);
  return {
    ...close,
    progress: { ...progress, expectedEnd: expectedEnd?.toISOString() ?? null },
    overage: money(close.overage),
    startedAt: close.startedAt.toISOString(),
    finishedAt: close.finishedAt?.toISOString() ?? null,
  };
}

export const closeEndpoints = (closes: CloseStarter) => [
  endpoint({
    method: 'post',
    path: '/api/v1/closes',
    summary:
      'Start the close of an ended period, or join the one that runs, and those of earlier periods that nobody has closed',
    scope: 'operate',
    params: z.strictObject({}),
    query: noQuery,
    body: z.strictObject({
      period: periodId,
      failed: z.boolean().default(false).meta({
        description:
          'Of a completed close: bill the records again that have failed, and nothing else',
      }),
    }),
    answers: { 202: closeSchema },
    problems: [409],
    async handle({ body: { period, failed }, key }) {
      requireUnbound(key);
      const now = new Date();
      await (failed ? closes.retryFailed(period, now) : closes.start(period, now));
      return answer(202, closeBody(await progress(closes, period), now));
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/closes/{period}',
    summary: 'How far the close of a period is, and its totals',
    scope: 'operate',
    params: z.strictObject({ period: periodId }),
    query: noQuery,
    body: undefined,
    answers: { 200: closeSchema },
    problems: [404],
    async handle({ params: { period }, key }) {
      requireUnbound(key);
      return answer(200, closeBody(await progress(closes, period), new Date()));
    },
  }),
];

async function progress(closes: CloseStarter, period: string): Promise<Close> {
  const close = await closes.find(period);
  if (close !== undefined) return close;
  throw new Problem(404, 'unknown_close', `The close of ${period} was never started.`);
}
