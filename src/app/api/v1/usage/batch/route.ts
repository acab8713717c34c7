import { z } from 'zod';
import type { ApiKey } from '../../../../../db/apiKeys.js';
import {
  type BatchResult,
  type BillingService,
  IdempotencyConflict,
  Tracked,
} from '../../../../../services/billingService.js';
import { UnknownTeam } from '../../../../../services/knownTeam.js';
import type { Usage } from '../../../../../services/usageRecorder.js';
import { answer, endpoint } from '../../../../endpoint.js';
import { fieldErrors } from '../../../../fieldErrors.js';
import { mayTouch } from '../../../../mount.js';
import { noQuery, teamId, totalsShape } from '../../../../schemas.js';
import { totalsBody, usageEvent } from '../usageBody.js';

const results = ['recorded', 'duplicate', 'conflict', 'invalid', 'unknown_team'] as const;

type Result = (typeof results)[number];

export const batchSchema = z
  .object({
    counts: z.record(z.enum(results), z.int()),
    results: z
      .array(
        z.object({
          teamId: z.string().nullable(),
          idempotencyKey: z.string().nullable(),
          result: z.enum(results),
          error: z.object({ code: z.string(), detail: z.string() }).optional(),
        }),
      )
      .meta({ description: 'One for each event, in the order given' }),
    totals: z
      .array(z.object({ teamId, ...totalsShape }))
      .meta({ description: 'Of each team and period that the batch touched, after it' }),
  })
  .meta({ id: 'UsageBatch' });

/** Events are parsed one by one: a bad one has a result of its own and takes no other down (R11). */
const events = z
  .array(z.unknown())
  .min(1, 'must have at least 1 event')
  .max(1_000, 'must have at most 1,000 events')
  .meta({
    override: {
      type: 'array',
      minItems: 1,
      maxItems: 1_000,
      items: { $ref: '#/components/schemas/UsageEvent' },
    },
  });

export const usageBatchEndpoints = (billing: BillingService) => [
  endpoint({
    method: 'post',
    path: '/api/v1/usage/batch',
    summary: 'Record up to 1,000 events of any teams, each with a result of its own',
    scope: 'usage:write',
    params: z.strictObject({}),
    query: noQuery,
    body: z.strictObject({ events }),
    bodyMegabytes: 2,
    answers: { 200: batchSchema },
    problems: [],
    async handle({ body, key }) {
      const parsed = body.events.map((event) => parseEvent(event, key));
      const usages = parsed.flatMap((event) => ('usage' in event ? [event.usage] : []));
      const tracked = await billing.trackBatch(usages, new Date());
      const inTurn = tracked.values();
      const outcomes = parsed.map((event) =>
        'usage' in event ? outcomeOf(event.usage, inTurn.next().value) : event,
      );
      const counts = Object.fromEntries(results.map((result) => [result, 0])) as Counts;
      for (const { result } of outcomes) counts[result] += 1;
      return answer(200, { counts, results: outcomes, totals: totalsOf(usages, tracked) });
    },
  }),
];

type Counts = Record<Result, number>;

interface Outcome {
  /** What the event calls itself, where that can be told. */
  teamId: string | null;
  idempotencyKey: string | null;
  result: Result;
  error?: { code: string; detail: string };
}

function parseEvent(event: unknown, key: ApiKey): { usage: Usage } | Outcome {
  const { success, data: usage, error } = usageEvent.safeParse(event);
  if (!success) {
    const fields = fieldErrors(error).map(({ path, message }) => `${path} ${message}`.trim());
    return invalid(namesOf(event), 'invalid_request', `${fields.join('; ')}.`);
  }
  if (mayTouch(key, usage.teamId)) return { usage };
  return invalid(usage, 'forbidden_team', 'This key is bound to another team.');
}

function outcomeOf(usage: Usage, tracked: BatchResult | undefined): Outcome {
  const { teamId, idempotencyKey } = usage;
  if (tracked === undefined) throw new Error('each event has a result');
  if (tracked instanceof Tracked) return { teamId, idempotencyKey, result: tracked.result };
  const detail = tracked.message;
  if (tracked instanceof UnknownTeam) {
    const error = { code: 'unknown_team', detail: `${detail}.` };
    return { teamId, idempotencyKey, result: 'unknown_team', error };
  }
  if (tracked instanceof IdempotencyConflict) {
    const error = { code: 'idempotency_conflict', detail };
    return { teamId, idempotencyKey, result: 'conflict', error };
  }
  return invalid(usage, 'invalid_request', detail);
}

type Names = Pick<Outcome, 'teamId' | 'idempotencyKey'>;

const invalid = ({ teamId, idempotencyKey }: Names, code: string, detail: string): Outcome => ({
  teamId,
  idempotencyKey,
  result: 'invalid',
  error: { code, detail },
});

function namesOf(event: unknown): Names {
  const { teamId, idempotencyKey } = Object(event) as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  return { teamId: text(teamId), idempotencyKey: text(idempotencyKey) };
}

/** The last totals of each team and period: usage grows, so the highest are the last. */
function totalsOf(usages: readonly Usage[], tracked: readonly BatchResult[]) {
  const last = new Map<string, { teamId: string; tracked: Tracked }>();
  for (const [index, one] of tracked.entries()) {
    const teamId = usages[index]?.teamId;
    if (teamId === undefined || one instanceof Error) continue;
    const name = `${teamId} ${one.period.id}`;
    const known = last.get(name)?.tracked;
    if (known === undefined || one.usedTokens > known.usedTokens) {
      last.set(name, { teamId, tracked: one });
    }
  }
  return [...last.values()].map(({ teamId, tracked: { totals } }) => ({
    teamId,
    ...totalsBody(totals),
  }));
}
