import { ApplicationFailure, log } from '@temporalio/activity';
import { closeEmail, type Email, waitingEmails } from '../src/db/emails.js';
import { renderMail } from '../src/email/mails.js';
import { type Mail, sendBatch } from '../src/email/postmark.js';
import { refuseMail } from '../src/services/refuseMail.js';
import type { ActivityDependencies } from './dependencies.js';
import { now } from './now.js';

/** Postmark takes 500 messages in a call (postmarkapp.com/developer/api/email-api#send-batch-emails). */
const BATCH = 500;
/** Among the codes of Postmark's refusals: there is no mail to be made of the row. */
const UNRENDERABLE = 'unrenderable';

export const mailActivities = ({
  pool,
  postmark,
  mailFrom,
  zone,
}: Pick<ActivityDependencies, 'pool' | 'postmark' | 'mailFrom' | 'zone'>) => ({
  /**
   * Sends the mails that wait, up to a batch, and marks each as Postmark answered (R36); one that can't
   * be rendered is refused for good. Throws when some could not be sent for now, so that they are
   * tried again.
   */
  async sendWaitingMails(): Promise<{ sent: number; more: boolean }> {
    const waiting = await waitingEmails(pool, BATCH);
    const more = waiting.length === BATCH;
    const ready: { email: Email; message: Mail }[] = [];
    for (const email of waiting) {
      try {
        ready.push({ email, message: { ...renderMail(email, zone), from: mailFrom } });
      } catch (error) {
        // It would keep back its whole batch for ever.
        log.error('a mail could not be rendered', { emailId: email.id, error });
        await refuseMail(pool, email, UNRENDERABLE, now());
      }
    }
    if (ready.length === 0) return { sent: 0, more };
    const results = await sendBatch(
      postmark,
      ready.map(({ message }) => message),
    );
    let sent = 0;
    const postponed = new Set<string>();
    for (const [index, result] of results.entries()) {
      const email = ready[index]?.email;
      if (email === undefined) continue;
      if (result.kind === 'postponed') postponed.add(result.code);
      if (result.kind === 'sent') await closeEmail(pool, email.id, { sentAt: now() });
      if (result.kind === 'refused') await refuseMail(pool, email, result.code, now());
      if (result.kind === 'sent') sent += 1;
    }
    if (postponed.size > 0) {
      throw ApplicationFailure.retryable(`Postmark: ${[...postponed].join(', ')}`, 'Postponed');
    }
    return { sent, more };
  },
});
