import { setCurrentDetails, setHandler } from '@temporalio/workflow';
import { fact } from './messages.js';
import { mail } from './proxies.js';

/** Sends the mails that wait in Postgres, until none does. A signal that comes meanwhile asks for one more look. */
export async function mailer(): Promise<void> {
  let asked = true;
  setHandler(fact, () => {
    asked = true;
  });
  let sent = 0;
  while (asked) {
    asked = false;
    const batch = await mail.sendWaitingMails();
    sent += batch.sent;
    asked ||= batch.more;
    setCurrentDetails(`${sent} mails sent`);
  }
}
