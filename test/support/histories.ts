import { writeFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

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
    writeFileSync(new URL(`../histories/${name}-${index + 1}.json`, import.meta.url), history);
  }
}
