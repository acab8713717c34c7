import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

const folder = new URL('../histories/', import.meta.url);

/** What a worker writes of its machine and of where its code lies, which says nothing of a workflow. */
const OF_A_MACHINE = /"(identity|stackTrace|binaryChecksum)":\s*"(?:[^"\\]|\\.)*"/g;

/** The histories of all runs of a workflow, first run first, as JSON that replays on any machine. */
export async function historiesOf({ workflow }: Client, workflowId: string): Promise<string[]> {
  const histories: string[] = [];
  let runId: string | undefined =
    (await workflow.getHandle(workflowId).describe()).raw.workflowExecutionInfo?.firstRunId ??
    undefined;
  while (runId !== undefined) {
    const history = await workflow.getHandle(workflowId, runId).fetchHistory();
    histories.push(historyToJSON(history).replace(OF_A_MACHINE, '"$1":""'));
    const end = history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes;
    runId = end?.newExecutionRunId ?? undefined;
  }
  return histories;
}

/**
 * Keeps the histories of a story to be replayed from now on: `RECORD=1 npx vitest run FILE`. Recorded
 * anew only when a workflow is changed on purpose in a way that no running one can meet.
 */
export function record(name: string, histories: readonly string[]): void {
  if (process.env['RECORD'] !== '1') return;
  for (const [index, history] of histories.entries()) {
    writeFileSync(new URL(`${name}-${index + 1}.json`, folder), history);
  }
}

/** What a turn that wrote a line of the timeline, or a mail, says of it in a packed history. */
const TOLD = /\\"effects\\":\[\{/;

/**
 * The same for a long story: its runs in one file, but for those in which nothing was told of, which are all
 * alike. Payloads are the text that they are: so the packer finds what repeats in them.
 */
export function recordPacked(name: string, histories: readonly string[]): void {
  if (process.env['RECORD'] !== '1') return;
  const runs = histories
    .map((history) => JSON.stringify(JSON.parse(history, withText)))
    .filter((run) => TOLD.test(run));
  const packed = gzipSync(`[${runs.join()}]`, { level: 9 });
  writeFileSync(new URL(`${name}.json.gz`, folder), packed);
}

/** How the histories of a fate are called. */
export const historyName = (fate: string): string => `year-${fate.replaceAll(/\W+/g, '-')}`;

/** All that was kept, as JSON, by the name of its story and the number of its run. */
export function recorded(): Map<string, string> {
  const histories = new Map<string, string>();
  for (const file of readdirSync(folder).toSorted()) {
    const content = readFileSync(new URL(file, folder));
    if (file.endsWith('.json')) histories.set(file.replace('.json', ''), content.toString());
    if (!file.endsWith('.json.gz')) continue;
    const runs: unknown[] = JSON.parse(gunzipSync(content).toString(), withBase64);
    for (const [index, run] of runs.entries()) {
      histories.set(`${file.replace('.json.gz', '')}-${index + 1}`, JSON.stringify(run));
    }
  }
  return histories;
}

function withText(key: string, value: unknown): unknown {
  if (key !== 'data' || typeof value !== 'string') return value;
  return { text: Buffer.from(value, 'base64').toString() };
}

function withBase64(key: string, value: unknown): unknown {
  if (key !== 'data' || typeof value !== 'object' || value === null) return value;
  return 'text' in value ? Buffer.from(String(value.text)).toString('base64') : value;
}
