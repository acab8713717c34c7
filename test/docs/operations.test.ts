import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { getTemporal } from '../../setup/temporalCli.mjs';
import { enqueueResyncOfAll } from '../../src/services/resync.js';
import { searchAttributes } from '../../workflows/searchAttributes.js';
import { createNamespace } from '../support/namespace.js';
import { sharedProduct } from '../support/product.js';
import { patiently, settled, timeline, unpaid } from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });
const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');

const run = promisify(execFile);

/** Runs a command of the page as an operator's shell does. */
async function shell(
  command: string,
  namespace = product.settings.TEMPORAL_NAMESPACE,
): Promise<string> {
  const { TEMPORAL_ADDRESS } = product.settings;
  const PATH = `${dirname(await getTemporal())}:${process.env['PATH']}`;
  const env = { PATH, TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE: namespace };
  return (await run('sh', ['-c', command], { env })).stdout;
}

/** The commands for Temporal's CLI on the page, in its order; not what stands for any of a kind. */
const commands = (page.match(/^temporal (?:.*\\\n)*.*|(?<=`)temporal [^`\n]+(?=`)/gm) ?? []).filter(
  (command) => !command.endsWith("'…'"),
);
const tried = new Set<string>();

/** Those of the page that begin so; all are tried in this file. */
function onPage(beginning: string): string[] {
  const found = commands.filter((command) => command.startsWith(`temporal ${beginning}`));
  for (const command of found) tried.add(command);
  return found;
}

/** A command made out to this team. */
const to = (teamId: string, command: string) =>
  command.replace('subscription:acme', `subscription:${teamId}`);

const updates = onPage('workflow update execute ');
const inspections = [...onPage('workflow metadata '), ...onPage('workflow query ')];
const [cancellation = ''] = onPage('workflow cancel ');
const [withinADay = ''] = onPage('workflow list ');
const [registration = ''] = onPage('operator search-attribute create ');
const [startOfMailer = ''] = onPage('workflow start ');
const [termination = ''] = onPage('workflow terminate ');
const triggers = onPage('schedule trigger ');

test('there is no command for Temporal in docs/operations.md that is not tried here', () => {
  expect(commands.filter((command) => !tried.has(command))).toEqual([]);
});

const [, table = ''] = page.match(/\| question \| filter \|\n\|---\|---\|\n((?:\|.*\n)+)/) ?? [];
/** The list filters of the page. */
const filters = [...table.matchAll(/^\|[^|]+\| `([^`]+)`/gm)].map(([, filter = '']) => filter);

test('R31: every Update in docs/operations.md does what it says, one after the other', async () => {
  const team = await unpaid(product);
  await settled(product, team.teamId);
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
  expect(updates).toHaveLength(6);
  for (const command of updates) {
    await shell(
      to(team.teamId, command)
        .replace('in_…', team.invoiceId)
        .replace(/(?<="until":")[^"]+/, tomorrow),
    );
  }
  const acts = (await timeline(product, team.teamId)).filter(({ actor }) => actor === 'rina');
  const kinds = acts.map(({ kind }) => kind).filter((kind) => kind.startsWith('operator_'));
  expect(kinds).toEqual([
    'operator_retry_payment',
    'operator_extend_grace',
    'operator_pause_dunning',
    'operator_resume_dunning',
    'operator_waive',
    'operator_resync',
  ]);
});

test('an Update that does not apply is refused with the rule, on the command line too', async () => {
  const team = await unpaid(product);
  const [resume = ''] = updates.filter((command) => command.includes('resumeDunning'));
  const command = to(team.teamId, resume);
  const [said = ''] = page.match(/(?<=^Error: unable to update workflow: ).+not_paused.+/m) ?? [];
  await expect(shell(command)).rejects.toThrow(said);
  const misspelt = command.replace('"actor"', '"invoiceID":"in_1","actor"');
  await expect(shell(misspelt)).rejects.toThrow(
    'R31: invoiceID is no part of an act. (type: malformed_input',
  );
  const without = command.replace(/ \\\n.*/, '');
  await expect(shell(without)).rejects.toThrow('R31: the input must be');
});

test('what docs/operations.md asks a workflow answers', async () => {
  const team = await unpaid(product);
  expect(inspections).toHaveLength(2);
  for (const command of inspections) {
    expect(await shell(to(team.teamId, command))).toContain(team.invoiceId);
  }
});

test('whose next action is within a day is listed, and goes on when it is asked to cancel', async () => {
  const team = await unpaid(product);
  await settled(product, team.teamId);
  const listed = () => shell(withinADay);
  await expect.poll(listed, patiently).toContain(`subscription:${team.teamId}`);
  const withinAMinute = withinADay.replace('86400', '60');
  expect(await shell(withinAMinute)).not.toContain(`subscription:${team.teamId}`);
  await shell(to(team.teamId, cancellation));
  expect((await settled(product, team.teamId)).ladders).toHaveLength(1);
  expect(await listed()).toContain(`subscription:${team.teamId}`);
});

test('a namespace without search attributes is given them', async () => {
  const namespace = await createNamespace();
  await shell(registration, namespace);
  const { customAttributes } =
    await product.temporal.connection.operatorService.listSearchAttributes({ namespace });
  expect(Object.keys(customAttributes)).toEqual(
    expect.arrayContaining(Object.keys(searchAttributes)),
  );
});

test('schedules are triggered, and the mailer is woken', async () => {
  for (const command of [...triggers, startOfMailer]) await shell(command);
  const types = async () => {
    const found: string[] = [];
    for await (const { type } of product.temporal.workflow.list()) found.push(type);
    return found;
  };
  await expect
    .poll(types, patiently)
    .toEqual(expect.arrayContaining(['reconciliation', 'monthlyCloseRun', 'close', 'mailer']));
});

test('after a restore every team is started anew from the ledger', async () => {
  const team = await unpaid(product);
  const { ladders } = await settled(product, team.teamId);
  const workflow = product.temporal.workflow.getHandle(`subscription:${team.teamId}`);
  const { runId } = await workflow.describe();
  await shell(termination);
  const status = async () => (await workflow.describe()).status.name;
  await expect.poll(status, patiently).toBe('TERMINATED');
  // What `npm run tagih -- resync` does.
  await enqueueResyncOfAll(product.pool, new Date());
  await expect.poll(status, patiently).toBe('RUNNING');
  expect((await workflow.describe()).runId).not.toBe(runId);
  expect((await settled(product, team.teamId)).ladders).toEqual(ladders);
});

test('every list filter in docs/operations.md is one, and finds who it asks for', async () => {
  const team = await unpaid(product);
  const workflowId = `subscription:${team.teamId}`;
  await settled(product, team.teamId);
  const who = { actor: 'rina', reason: 'a dispute is open' };
  await product.api('POST', `/api/v1/teams/${team.teamId}/actions/pause-dunning`, who);
  expect(filters.length).toBe(table.trim().split('\n').length);
  const finding = async () => {
    const answers: string[] = [];
    for (const filter of filters) {
      const query = `${filter.replace('cus_…', team.customerId)} AND ExecutionStatus = "Running"`;
      for await (const found of product.temporal.workflow.list({ query })) {
        if (found.workflowId === workflowId) answers.push(filter);
      }
    }
    return answers;
  };
  await expect
    .poll(finding, patiently)
    .toEqual([
      'TagihStrike > 0',
      'TagihAttention != "none"',
      'TagihAttention = "paused"',
      'TagihCustomer = "cus_…"',
    ]);
});
