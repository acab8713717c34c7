import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { historiesOf, record } from '../support/histories.js';
import { close, monthsAgo, subscribedIn, track } from '../support/months.js';
import { startProduct } from '../support/product.js';
import { fixCard, renew, settled, subscriber, timeline, unpaid } from '../support/stories.js';

const folder = new URL('../histories/', import.meta.url);
const recorded = readdirSync(folder).filter((name) => name.endsWith('.json'));
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');

type Code = NonNullable<Parameters<typeof Worker.runReplayHistory>[0]['workflowBundle']>;

function replay(workflowBundle: Code, history: string): Promise<void> {
  return Worker.runReplayHistory({ workflowBundle }, JSON.parse(history));
}

describe('recorded histories', () => {
  let changed: Code;
  beforeAll(async () => {
    changed = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('changed.ts', import.meta.url)),
      logger: new DefaultLogger('WARN'),
    });
  });

  test.each(recorded)('%s replays', async (name) => {
    await replay({ codePath: inject('workflowBundle') }, read(name));
  });

  test.each(recorded)('%s is refused to changed workflows', async (name) => {
    await expect(replay(changed, read(name))).rejects.toThrow(DeterminismViolationError);
  });

  test.each(recorded)('%s tells nothing of the machine that it was made on', (name) => {
    expect(read(name)).not.toMatch(
      /file:|node_modules|\/(home|root|tmp|work|Users)\/|@\w*localhost/,
    );
  });
});

test('a team that was locked and opened again has a history that replays, in each of its runs', async () => {
  const product = await startProduct({ DUNNING_INTERVALS: '1ms,1ms' });
  try {
    const team = await unpaid(product, 3);
    await settled(product, team.teamId);
    await fixCard(product, team);
    await product.until(team.teamId, ({ dunning }) => expect(dunning).toBeNull());
    await settled(product, team.teamId);
    let ladder: string[] = [];
    // How many facts a turn takes, and so how long a run grows, is chance.
    while (ladder.length < 2) {
      await renew(product, team);
      await settled(product, team.teamId);
      ladder = await historiesOf(product.temporal, `subscription:${team.teamId}`);
    }
    const mailer = await historiesOf(product.temporal, 'mailer');
    for (const history of [...ladder, ...mailer]) {
      await replay({ codePath: inject('workflowBundle') }, history);
    }
    record('ladder', ladder);
    record('mailer', mailer);
  } finally {
    await product.close();
  }
});

test('ladders that followed Stripe, and one that began with a confirmation, have histories that replay', async () => {
  const product = await startProduct({
    DUNNING_RETRIES: 'stripe',
    DUNNING_INTERVALS: '1ms,1ms',
    CONFIRMATION_WINDOW: '1ms',
  });
  try {
    const locked = await unpaid(product, 3);
    await settled(product, locked.teamId);
    await product.control('POST', `/invoices/${locked.invoiceId}/retry`);
    await settled(product, locked.teamId);
    await fixCard(product, locked);
    await product.until(locked.teamId, ({ dunning }) => expect(dunning).toBeNull());
    await settled(product, locked.teamId);

    const asked = await subscriber(product);
    const card = 'pm_card_authenticationRequired';
    await product.control('POST', `/customers/${asked.customerId}/card`, { card });
    const invoiceId = await renew(product, asked);
    await product.until(asked.teamId, ({ dunning }) => expect(dunning?.strike).toBe(3));
    await product.control('POST', `/invoices/${invoiceId}/confirm`, { succeed: true });
    await product.until(asked.teamId, ({ dunning }) => expect(dunning).toBeNull());
    await settled(product, asked.teamId);

    const stories = [
      ['ladder-stripe', locked],
      ['confirmation', asked],
    ] as const;
    for (const [name, { teamId }] of stories) {
      const histories = await historiesOf(product.temporal, `subscription:${teamId}`);
      for (const history of histories) {
        await replay({ codePath: inject('workflowBundle') }, history);
      }
      record(name, histories);
    }
  } finally {
    await product.close();
  }
});

test('a team that operators acted on has a history that replays', async () => {
  const product = await startProduct({ DUNNING_INTERVALS: '1h,1h' });
  try {
    const { teamId } = await unpaid(product);
    await settled(product, teamId);
    const who = { actor: 'op@tagih.example', reason: 'the customer called' };
    const until = new Date(Date.now() + 86_400_000).toISOString();
    const acts = [
      ['retry-payment', {}],
      ['resync', {}],
      ['extend-grace', { until }],
      ['pause-dunning', {}],
      ['resume-dunning', {}],
      ['waive', {}],
    ] as const;
    for (const [action, more] of acts) {
      const path = `/api/v1/teams/${teamId}/actions/${action}`;
      const answer = await product.api('POST', path, { ...who, ...more });
      expect(answer.status).toBe(200);
      await settled(product, teamId);
    }
    const histories = await historiesOf(product.temporal, `subscription:${teamId}`);
    for (const history of histories) {
      await replay({ codePath: inject('workflowBundle') }, history);
    }
    record('acts', histories);
  } finally {
    await product.close();
  }
});

test('a dispute that found its team has a history that replays', async () => {
  const product = await startProduct();
  try {
    const { teamId, customerId } = await subscriber(product);
    const { data } = await product.stripe.charges.list({ customer: customerId });
    await product.control('POST', `/charges/${data[0]?.id}/dispute`);
    await expect
      .poll(async () => (await timeline(product, teamId)).at(-1)?.kind)
      .toBe('dispute_opened');
    const [event] = (await product.stripe.events.list({ type: 'charge.dispute.created' })).data;
    const workflowId = `stripe-event:${event?.id}`;
    await product.temporal.workflow.getHandle(workflowId).result();
    const histories = await historiesOf(product.temporal, workflowId);
    for (const history of histories) {
      await replay({ codePath: inject('workflowBundle') }, history);
    }
    record('stripe-event', histories);
  } finally {
    await product.close();
  }
});

test('a month that was closed by its schedule has histories that replay', async () => {
  const product = await startProduct();
  try {
    const month = monthsAgo(1);
    const { teamId } = await subscribedIn(product, month, 'pro');
    await track(product, month, teamId, 60_000);
    const schedule = product.temporal.schedule.getHandle('monthly-close');
    const afterwards = new Date(month.end.getTime() + 86_400_000);
    await schedule.backfill({ start: month.end, end: afterwards, overlap: 'ALLOW_ALL' });
    await expect
      .poll(async () => (await product.api('GET', `/api/v1/closes/${month.id}`)).body.status)
      .toBe('completed');
    await close(product, month);
    const runs: [string, string][] = [
      ['close-set-wise', `close:${month.id}`],
      ['bill-page', `close:${month.id}:1`],
    ];
    for await (const { workflowId } of product.temporal.workflow.list({
      query: `WorkflowType = 'monthlyCloseRun'`,
    })) {
      runs.push(['close-run', workflowId]);
    }
    expect(runs).toHaveLength(3);
    for (const [name, workflowId] of runs) {
      const histories = await historiesOf(product.temporal, workflowId);
      for (const history of histories) {
        await replay({ codePath: inject('workflowBundle') }, history);
      }
      record(name, histories);
    }
  } finally {
    await product.close();
  }
});
