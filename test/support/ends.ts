import type { Pool } from '../../src/db/pool.js';
import { lasting } from './arrive.js';
import type { Direct } from './direct.js';

export interface End {
  timeline: { kind: string }[];
  mails: { kind: string }[];
}

/** Ids at Stripe, and the team's, which is made of one. */
const ID = /\b(?:team_\w{8}|(?:evt|cus|sub|in|ch|pm)_\w{24})\b/g;

/**
 * What must be the same whatever order a team heard in: its state but for its turns and for what it has
 * seen, its access, its mails, its timeline, and what Stripe was asked to charge and has. Ids are numbered
 * in the order in which Stripe made their objects; times are Stripe's, and the same each time. Of the
 * timeline's causes it is told only that it was news, an event or an attempt's answer: whichever came first
 * is named. Its lines are sorted, for what one step brings is true since one moment, and which of it is
 * written first depends on who told.
 */
export async function endOf(pool: Pool, team: Direct): Promise<End> {
  const { side, teamId, state } = team;
  const lines = await pool.query(
    'select kind, cause, actor, summary, details from tagih.timeline where team_id = $1',
    [teamId],
  );
  const mails = await pool.query(
    'select kind, cause, details, refused from tagih.emails where team_id = $1 order by id',
    [teamId],
  );
  const tries = await side.control<{ path: string; idempotencyKey: string | null }[]>(
    'GET',
    '/requests?path=/pay$',
  );
  const { data: charges } = await side.stripe.charges.list({ customer: side.customerId });
  const end = {
    state: lasting(state),
    access: await team.billing.access(teamId, 1, new Date(side.now)),
    mails: mails.rows,
    timeline: lines.rows.map(({ cause, actor, ...line }) => ({
      ...line,
      by: isNews(cause) ? 'news' : actor,
    })),
    tries: tries.map(({ path, idempotencyKey }) => ({ path, idempotencyKey })),
    charges: charges.map(({ id, status, amount }) => ({ id, status, amount })),
    invoices: (await side.invoices()).map(({ id, status, auto_advance, attempt_count }) => ({
      id,
      status,
      auto_advance,
      attempt_count,
    })),
    subscriptions: (await side.subscriptions()).map(({ id, status }) => ({ id, status })),
  };
  const made = [...new Set(JSON.stringify(side.events).match(ID))].filter((id) => !isNews(id));
  const named = (id: string) => {
    if (id === teamId) return 'team';
    return isNews(id) ? 'event' : `${id.split('_')[0]} ${made.indexOf(id)}`;
  };
  const same: typeof end = JSON.parse(JSON.stringify(end).replaceAll(ID, named));
  const timeline = same.timeline.toSorted((a, b) =>
    JSON.stringify(a).localeCompare(JSON.stringify(b)),
  );
  return { ...same, timeline };
}

const isNews = (cause: string) => cause.startsWith('evt_') || cause === 'timer';
