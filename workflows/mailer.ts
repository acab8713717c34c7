import {
  CancellationScope,
  condition,
  continueAsNew,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { show } from './details.js';
import { fact } from './messages.js';
import { mail } from './proxies.js';
import { mailerStart } from './starts.js';

/**
 * Sends the mails that wait in Postgres, until none does. A signal that comes meanwhile asks for one more
 * look. They go on coming while Postmark is away, and the server takes no more than 10,000 of a run: so
 * the mails are left to a new one when that is suggested.
 */
export async function mailer(sent = 0): Promise<void> {
  let asked = true;
  setHandler(fact, () => {
    asked = true;
  });
  const isLong = () => workflowInfo().continueAsNewSuggested;
  while (asked) {
    asked = false;
    show(`${sent} mails sent · sends those that wait`, mailerStart);
    let isOver = false;
    const sending = new CancellationScope();
    const batch = sending
      .run(() => mail.sendWaitingMails.executeWithOptions({ summary: 'Send up to 500 mails' }, []))
      .finally(() => {
        isOver = true;
      });
    await condition(() => isOver || isLong());
    const endsHere = isLong() && patched('mailer-starts-anew');
    const givesUp = endsHere && !isOver;
    if (givesUp) sending.cancel();
    try {
      const { sent: number, more } = await batch;
      sent += number;
      asked ||= more;
    } catch (error) {
      if (!givesUp) throw error;
      asked = true;
    }
    if (endsHere && asked) return continueAsNew<typeof mailer>(sent);
  }
  show(`${sent} mails sent · none waits`, mailerStart);
}
