import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { describe, expect, inject, test } from 'vitest';
import * as workflows from '../../workflows/index.js';
import { fates } from '../../year/fates.js';
import { historiesOf, historyName, record, recorded } from '../support/histories.js';
import { close, monthsAgo, subscribedIn, track } from '../support/months.js';
import { sharedProduct, startProduct } from '../support/product.js';
import { expectReplay, replay } from '../support/replay.js';
import { fixCard, renew, settled, subscriber, timeline, unpaid } from '../support/stories.js';

describe('recorded histories', () => {
  const histories = recorded();
  const names = [...histories.keys()];
  const all = [...histories.values()];

  test('replay', async () => {
    const ends = await replay({ codePath: inject('workflowBundle') }, all);
    expect(names.map((name, at) => [name, ends[at]])).toEqual(
      names.map((name) => [name, undefined]),
    );
  });

  test('are refused to changed workflows', async () => {
    const changed = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('changed.ts', import.meta.url)),
      logger: new DefaultLogger('WARN'),
    });
    const ends = await replay(changed, all);
    const refused = names.filter((_, at) => ends[at] instanceof DeterminismViolationError);
    expect(refused).toEqual(names);
  });

  test('tell nothing of the machine that they were made on', () => {
    const telling = /file:|node_modules|\/(home|root|tmp|work|Users)\/|@\w*localhost/;
    expect(names.filter((_, at) => telling.test(all[at] ?? ''))).toEqual([]);
  });

  test('are of every type of workflow, and of every fate of the year', () => {
    const types = all.map((history) => {
      const [{ workflowExecutionStartedEventAttributes: started }] = JSON.parse(history).events;
      return started.workflowType.name;
    });
    expect(new Set(types)).toEqual(new Set(Object.keys(workflows)));
    const lacking = fates.filter(({ name }) => !histories.has(`${historyName(name)}-1`));
    expect(lacking).toEqual([]);
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
    await expectReplay([...ladder, ...mailer]);
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
      await expectReplay(histories);
      record(name, histories);
    }
  } finally {
    await product.close();
  }
});

describe('beside ladders', () => {
  const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });

  test('a team that operators acted on has a history that replays', async () => {
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
    await expectReplay(histories);
    record('acts', histories);
  });

  test('a dispute that found its team has a history that replays', async () => {
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
    await expectReplay(histories);
    record('stripe-event', histories);
  });

  test('a month that was closed by its schedule has histories that replay', async () => {
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
      await expectReplay(histories);
      record(name, histories);
    }
  });
});

test('a close that billed again what Stripe had refused has histories that replay', async () => {
  const product = await startProduct();
  try {
    const month = monthsAgo(1);
    const { teamId } = await subscribedIn(product, month, 'pro');
    await track(product, month, teamId, 60_000);
    const fault = { kind: 'error', method: 'POST', path: '^/v1/invoiceitems$', status: 400 };
    await product.control('POST', '/faults', { ...fault, times: 1 });
    const closed = product.temporal.workflow.getHandle(`close:${month.id}`);
    const closes = async (body: object) => {
      await product.api('POST', '/api/v1/closes', { period: month.id, ...body });
      await closed.result();
      return (await product.api('GET', `/api/v1/closes/${month.id}`)).body.teams.failed;
    };
    expect(await closes({})).toBe(1);
    expect(await closes({ failed: true })).toBe(0);
    const runs = [
      ['close-failed', `close:${month.id}`],
      ['bill-page-counted', `close:${month.id}:1`],
    ] as const;
    for (const [name, workflowId] of runs) {
      const histories = await historiesOf(product.temporal, workflowId);
      await expectReplay(histories);
      record(name, histories);
    }
  } finally {
    await product.close();
  }
});
