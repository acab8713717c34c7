import { Worker } from '@temporalio/worker';
import { expect, inject } from 'vitest';

type Code = NonNullable<Parameters<typeof Worker.runReplayHistories>[0]['workflowBundle']>;

/**
 * How each history ends with the workflows of a bundle, in order; undefined: it replays. All on one worker, which
 * takes longer to start than to replay.
 */
export async function replay(
  workflowBundle: Code,
  histories: readonly string[],
): Promise<(Error | undefined)[]> {
  const numbered = histories.map((history, index) => ({
    workflowId: `${index}`,
    history: JSON.parse(history),
  }));
  const ends: (Error | undefined)[] = [];
  for await (const { error } of Worker.runReplayHistories({ workflowBundle }, numbered)) {
    ends.push(error);
  }
  return ends;
}

/** Fails unless all of them replay with the workflows as they are. */
export async function expectReplay(histories: readonly string[]): Promise<void> {
  const ends = await replay({ codePath: inject('workflowBundle') }, histories);
  expect(ends).toEqual(histories.map(() => undefined));
}
