// A worker as in production, in a process of its own that can be killed. It holds workflows where it is told to.
import { CompleteAsyncError, type Context } from '@temporalio/activity';
import { type ActivityInterceptors, DefaultLogger, Runtime } from '@temporalio/worker';
import { createLog } from '../../src/log.js';
import { startWorker } from '../../src/worker.js';
import { Steps } from './steps.js';
import type { Hold, Message } from './workerProcess.js';

Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' } } },
});
const clock = Date.now;
const holds = new Map<string, Hold & { steps: Steps; isHeld: boolean }>();

/** Once a workflow is held, none of its activities is answered any more. */
function holdThere({ info }: Context): ActivityInterceptors {
  const workflowId = info.workflowExecution?.workflowId ?? '';
  const hold = holds.get(workflowId);
  if (hold === undefined) return {};
  return {
    inbound: {
      async execute(input, next) {
        // To the server this is silence, too, and it takes no place here: such tries are many.
        if (hold.isHeld) throw new CompleteAsyncError();
        const isThere = hold.steps.names(info.activityType, input.args[0]).includes(hold.step);
        const result = isThere && hold.when === 'before' ? undefined : await next(input);
        if (!isThere) return result;
        hold.isHeld = true;
        process.send?.({ held: workflowId });
        return new Promise(() => {});
      },
    },
  };
}

process.on('message', async (message: Message) => {
  if (message.kind === 'hold') {
    for (const hold of message.holds) {
      holds.set(hold.workflowId, { ...hold, steps: new Steps(hold.state), isHeld: false });
    }
    process.send?.('holds');
    return;
  }
  const { settings, workflowBundle, ahead } = message;
  Date.now = () => clock() + ahead;
  await startWorker(settings, createLog('silent', 'worker'), {
    workflowBundle: { codePath: workflowBundle },
    interceptors: { activity: [holdThere] },
  });
  process.send?.('works');
});
process.once('disconnect', () => process.exit());
process.send?.('ready');
