import { z } from 'zod';
import type { Strike } from '../../../../domain/subscription.js';
import type { TeamService } from '../../../../services/teamService.js';
import { answer, endpoint } from '../../../endpoint.js';
import { decodeCursor, page, pageOf, pageQuery } from '../../../pagination.js';
import {
  noQuery,
  plan,
  subscriptionStatus,
  teamId,
  teamParams,
  teamSchema,
} from '../../../schemas.js';
import { teamBody } from './teamBody.js';

const putBody = z.strictObject({
  name: z.string().regex(/^[^\p{Cc}\p{Cs}]{1,200}$/u, 'must be 1 to 200 characters of one line'),
  adminEmail: z.email('must be an e-mail address').max(320),
  stripeCustomerId: z
    .string()
    .regex(/^cus_\w{1,60}$/, 'must be a customer id of Stripe, cus_…')
    .optional()
    .meta({ description: 'Without it the customer that the team has stays' }),
});

const strike = z
  .enum(['0', '1', '2', '3'])
  .transform((text) => Number(text) as Strike)
  .optional();

const timelineEntry = z
  .object({
    at: z.iso.datetime(),
    kind: z.string(),
    summary: z.string(),
    cause: z.string(),
    actor: z.string(),
    details: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  })
  .meta({ id: 'TimelineEntry' });

export const teamEndpoints = (teams: TeamService) => [
  endpoint({
    method: 'put',
    path: '/api/v1/teams/{teamId}',
    summary: 'Create or update a team',
    scope: 'teams:write',
    params: teamParams,
    query: noQuery,
    body: putBody,
    answers: { 200: teamSchema, 201: teamSchema },
    problems: [409],
    async handle({ params: { teamId }, body }) {
      const now = new Date();
      const stripeCustomerId = body.stripeCustomerId ?? null;
      const { created } = await teams.put({ id: teamId, ...body, stripeCustomerId }, now);
      const team = teamBody(await teams.get(teamId, now));
      return created ? answer(201, team) : answer(200, team);
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/teams/{teamId}',
    summary: 'A team, its subscription, its dunning and what it may do',
    scope: 'teams:read',
    params: teamParams,
    query: noQuery,
    body: undefined,
    answers: { 200: teamSchema },
    problems: [404],
    async handle({ params: { teamId } }) {
      return answer(200, teamBody(await teams.get(teamId, new Date())));
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/teams',
    summary: 'Teams in the order of their ids',
    scope: 'teams:read',
    params: z.strictObject({}),
    query: z.strictObject({
      ...pageQuery,
      tier: plan.optional(),
      subscriptionStatus: subscriptionStatus.optional(),
      strike,
    }),
    body: undefined,
    answers: { 200: pageOf(teamSchema) },
    problems: [],
    async handle({ query: { limit, cursor, ...filter }, key }) {
      const after = decodeCursor(cursor, teamId) ?? '';
      const own = { ...filter, teamId: key.teamId ?? undefined };
      const rows = await teams.list(own, after, limit + 1, new Date());
      return answer(
        200,
        page(rows, limit, teamBody, ({ row }) => row.id),
      );
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/teams/{teamId}/timeline',
    summary: 'What happened to the team, when, why and through whom, latest first',
    scope: 'teams:read',
    params: teamParams,
    query: z.strictObject(pageQuery),
    body: undefined,
    answers: { 200: pageOf(timelineEntry) },
    problems: [404],
    async handle({ params: { teamId }, query: { limit, cursor } }) {
      const before = decodeCursor(cursor, z.int()) ?? Number.MAX_SAFE_INTEGER;
      const rows = await teams.timeline(teamId, before, limit + 1);
      const body = page(
        rows,
        limit,
        ({ id: _, at, ...entry }) => ({ at: at.toISOString(), ...entry }),
        ({ id }) => id,
      );
      return answer(200, body);
    },
  }),
];
