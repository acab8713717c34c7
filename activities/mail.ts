import { ApplicationFailure, log } from '@temporalio/activity';
import { type Email, MAILER_LOCK, markSent, waitingEmails } from '../src/db/emails.js';
import { exclusively } from '../src/db/exclusive.js';
import { isUnavailable, type Pool } from '../src/db/pool.js';
import { renderMail } from '../src/email/mails.js';
import { type Attachment, type Mail, sendBatch } from '../src/email/postmark.js';
import { refuseMail } from '../src/services/refuseMail.js';
import { statementFile } from '../src/services/statement.js';
import type { ActivityDependencies } from './dependencies.js';
import { now } from './now.js';

/** Postmark takes 500 messages in a call (postmarkapp.com/developer/api/email-api#send-batch-emails). */
const BATCH = 500;
/**
 * And 50 MB in all, of which this leaves a tenth for what is not counted. With statements of a usual month,
 * 13 kB each before base64, 500 mails are 8 MB; with ten years of late lines a statement is ten times that.
 */
const BATCH_BYTES = 45_000_000;
/** Among the codes of Postmark's refusals: there is no mail to be made of the row. */
const UNRENDERABLE = 'unrenderable';

type Dependencies = Pick<
  ActivityDependencies,
  'pool' | 'postmark' | 'mailFrom' | 'zone' | 'operationsEmail' | 'attachStatement'
>;

/** What became of a batch: `more`, there are mails beyond it. */
interface Batch {
  sent: number;
  more: boolean;
}

export const mailActivities = (dependencies: Dependencies) => ({
  /**
   * Sends the mails that wait, up to a batch, and marks each as Postmark answered (R36); one that can't
   * be rendered, or whose statement can't, is refused for good. Throws when some could not be sent for
   * now, so that they are tried again, and when another mailer sends: one that was given up may still be
   * at it, and both would send the same mails.
   */
  async sendWaitingMails(): Promise<Batch> {
    const batch = await exclusively(dependencies.pool, MAILER_LOCK, () => sendNext(dependencies));
    if (batch === undefined) throw ApplicationFailure.retryable('Another mailer sends', 'Busy');
    return batch;
  },
});

async function sendNext(dependencies: Dependencies): Promise<Batch> {
  const { pool, postmark, mailFrom, zone, operationsEmail, attachStatement } = dependencies;
  const waiting = await waitingEmails(pool, BATCH);
  let more = waiting.length === BATCH;
  let bytes = 0;
  const ready: { email: Email; message: Mail }[] = [];
  for (const email of waiting) {
    try {
      const attachments = attachStatement ? await statementsOf(pool, zone, email) : [];
      const message = {
        ...renderMail(email, zone, operationsEmail),
        from: mailFrom,
        attachments,
      };
      bytes += Buffer.byteLength(JSON.stringify(message));
      if (bytes > BATCH_BYTES && ready.length > 0) {
        more = true;
        break;
      }
      ready.push({ email, message });
    } catch (error) {
      if (isUnavailable(error)) throw error;
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
  const ends = ready.map(({ email }, index) => ({ email, result: results[index] }));
  const sent = ends.filter(({ result }) => result?.kind === 'sent').map(({ email }) => email.id);
  await markSent(pool, sent, now());
  const postponed = new Set<string>();
  for (const { email, result } of ends) {
    if (result?.kind === 'postponed') postponed.add(result.code);
    if (result?.kind === 'refused') await refuseMail(pool, email, result.code, now());
  }
  if (postponed.size > 0) {
    throw ApplicationFailure.retryable(`Postmark: ${[...postponed].join(', ')}`, 'Postponed');
  }
  return { sent: sent.length, more };
}

/** The statement of the month that a mail tells of. Throws where none can be made. */
async function statementsOf(
  pool: Pool,
  zone: string,
  { kind, teamId, cause: period }: Email,
): Promise<Attachment[]> {
  if (teamId === null || kind !== 'monthly-summary') return [];
  const file = await statementFile(pool, zone, teamId, period);
  if (file === undefined) throw new Error(`${teamId} has no record of ${period}`);
  const content = file.content.toString('base64');
  return [{ name: file.name, contentType: 'application/pdf', content }];
}
