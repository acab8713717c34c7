import type { Client, WorkflowHandle } from '@temporalio/client';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;
type Event = NonNullable<History['events']>[number];

/** What the workflows of a close, and of its mails, left in their histories. */
export interface Histories {
  workflows: number;
  events: number;
  longest: { events: number; kilobytes: number };
  /** As Temporal Cloud counts them (docs.temporal.io/cloud/actions). */
  actions: number;
  /** Of each activity, from its first start to its last end, in seconds. */
  spans: Map<string, number>;
}

/** The most that the SDK waits between two heartbeats that it sends: each of those is an action, and in no history. */
const HEARTBEAT_EVERY_S = 60;
const BEATING = ['billOverage', 'verifyUsage'];

/** Reads those of all workflows that are there but the schedules'. */
export async function readHistories({ workflow }: Client): Promise<Histories> {
  const spans = new Map<string, { from: number; to: number }>();
  const found = { workflows: 0, events: 0, actions: 0, longest: { events: 0, kilobytes: 0 } };
  for await (const { workflowId, runId, historySize = 0 } of workflow.list()) {
    if (!/^(close:|mailer$)/.test(workflowId)) continue;
    const { events } = await workflow.getHandle(workflowId, runId).fetchHistory();
    if (!events) continue;
    found.workflows += 1;
    found.events += events.length;
    if (events.length > found.longest.events) {
      found.longest = { events: events.length, kilobytes: historySize / 1_024 };
    }
    for (const event of events) found.actions += actionsOf(event);
    for (const { name, from, to } of activities(events)) {
      const span = spans.get(name) ?? { from, to };
      spans.set(name, { from: Math.min(from, span.from), to: Math.max(to, span.to) });
      if (BEATING.includes(name)) found.actions += 1 + Math.floor((to - from) / HEARTBEAT_EVERY_S);
    }
  }
  const lasted = [...spans].map(([name, { from, to }]): [string, number] => [name, to - from]);
  return { ...found, spans: new Map(lasted) };
}

function actionsOf(event: Event): number {
  const started = event.workflowExecutionStartedEventAttributes;
  // A child's start is counted where it is asked for: once for that, once for the start.
  if (started) return started.parentWorkflowExecution ? 0 : 1;
  if (event.startChildWorkflowExecutionInitiatedEventAttributes) return 2;
  // The first attempt, and each retry.
  const attempts = event.activityTaskStartedEventAttributes?.attempt;
  if (attempts) return attempts;
  const one =
    event.workflowExecutionSignaledEventAttributes ??
    event.timerStartedEventAttributes ??
    event.markerRecordedEventAttributes ??
    event.upsertWorkflowSearchAttributesEventAttributes;
  return one ? 1 : 0;
}

/** When each activity of a history was asked for and was done, in seconds. */
function* activities(events: readonly Event[]) {
  const asked = new Map<string, { name: string; from: number }>();
  for (const event of events) {
    const name = event.activityTaskScheduledEventAttributes?.activityType?.name;
    if (name) asked.set(String(event.eventId), { name, from: secondsOf(event) });
    const completed = event.activityTaskCompletedEventAttributes;
    const start = asked.get(String(completed?.scheduledEventId));
    if (completed && start) yield { ...start, to: secondsOf(event) };
  }
}

const secondsOf = ({ eventTime }: Event) =>
  Number(eventTime?.seconds ?? 0) + Number(eventTime?.nanos ?? 0) / 1e9;
