import { newTeam } from '../../src/domain/team.js';
import { Steps } from './steps.js';

interface Given {
  input?: { payloads?: { data: string }[] };
}

interface HistoryEvent {
  workflowExecutionStartedEventAttributes?: Given & { workflowType: { name: string } };
  activityTaskScheduledEventAttributes?: Given & { activityType: { name: string } };
}

/** The type of the workflow, and all steps that a run of it has taken by activities. */
export function stepsOf(history: string): { workflow: string; steps: string[] } {
  const events: HistoryEvent[] = JSON.parse(history).events;
  const [first] = events;
  const started = first?.workflowExecutionStartedEventAttributes;
  const workflow = started?.workflowType.name ?? '';
  const steps = new Steps(
    workflow === 'subscription' ? (given(started) as never) : newTeam('', null),
  );
  const names = events.flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
    scheduled ? steps.names(scheduled.activityType.name, given(scheduled)) : [],
  );
  return { workflow, steps: [...new Set(names)] };
}

/** The first argument. */
function given({ input }: Given = {}): unknown {
  const data = input?.payloads?.[0]?.data ?? '';
  return data === '' ? undefined : JSON.parse(Buffer.from(data, 'base64').toString());
}
