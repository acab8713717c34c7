import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { getTemporal } from '../../setup/temporalCli.mjs';
import { sharedProduct } from '../support/product.js';
import { patiently, settled, timeline, unpaid } from '../support/stories.js';

const product = sharedProduct({ DUNNING_INTERVALS: '1h,1h' });
const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');

const run = promisify(execFile);

/** Runs a command of the page as an operator's shell does. */
async function shell(command: string): Promise<string> {
  const { TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE } = product.settings;
  const PATH = `${dirname(await getTemporal())}:${process.env['PATH']}`;
  const env = { PATH, TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE };
  return (await run('sh', ['-c', command], { env })).stdout;
}

/** The Updates that the page sends with Temporal's CLI, in its order. */
const updates = page.match(/^temporal workflow update execute (?:.*\\\n)*.*/gm) ?? [];

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
      command
        .replace('subscription:acme', `subscription:${team.teamId}`)
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
  const command = resume.replace('subscription:acme', `subscription:${team.teamId}`);
  await expect(shell(command)).rejects.toThrow('R31: the dunning of the team is not paused');
});

test('what docs/operations.md asks a workflow answers', async () => {
  const team = await unpaid(product);
  const commands = page.match(/(?<=`)temporal workflow (?:metadata|query) [^`]+/g) ?? [];
  expect(commands).toHaveLength(2);
  for (const command of commands) {
    const answer = await shell(command.replace('subscription:acme', `subscription:${team.teamId}`));
    expect(answer).toContain(team.invoiceId);
  }
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
