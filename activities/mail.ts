import { ApplicationFailure } from '@temporalio/activity';
import { closeEmail, waitingEmails } from '../src/db/emails.js';
import { renderMail } from '../src/email/mails.js';
import { sendBatch } from '../src/email/postmark.js';
import type { ActivityDependencies } from './dependencies.js';

/** Postmark takes 500 messages in a call (postmarkapp.com/developer/api/email-api#send-batch-emails). */
const BATCH = 500;

export const mailActivities = ({
  pool,
  postmark,
  mailFrom,
  zone,
}: Pick<ActivityDependencies, 'pool' | 'postmark' | 'mailFrom' | 'zone'>) => ({
  /**
   * Sends the mails that wait, up to a batch, and marks each as Postmark answered (R36). Throws when
   * some could not be sent for now, so that they are tried again.
   */
  async sendWaitingMails(): Promise<{ sent: number; more: boolean }> {
    const waiting = await waitingEmails(pool, BATCH);
    if (waiting.length === 0) return { sent: 0, more: false };
    const messages = waiting.map((email) => ({ ...renderMail(email, zone), from: mailFrom }));
    const results = await sendBatch(postmark, messages);
    let sent = 0;
    const postponed = new Set<string>();
    for (const [index, result] of results.entries()) {
      const email = waiting[index];
      if (email === undefined) continue;
      if (result.kind === 'postponed') postponed.add(result.code);
      if (result.kind === 'sent') await closeEmail(pool, email.id, { sentAt: new Date() });
      if (result.kind === 'refused') await closeEmail(pool, email.id, { refused: result.code });
      if (result.kind === 'sent') sent += 1;
    }
    if (postponed.size > 0) {
      throw ApplicationFailure.retryable(`Postmark: ${[...postponed].join(', ')}`, 'Postponed');
    }
    return { sent, more: waiting.length === BATCH };
  },
});
