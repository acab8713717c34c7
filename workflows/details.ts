import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { Start } from './starts.js';

/**
 * Shows how far a workflow is, and what it waits for. The server gives the summary and details that a
 * workflow was started with to its first run alone: in later ones they stand below.
 */
export function show(sentence: string, { options }: Start): void {
  const isFirstRun = workflowInfo().continuedFromExecutionRunId === undefined;
  setCurrentDetails(isFirstRun ? sentence : `${sentence}\n\n${options.staticDetails}`);
}
