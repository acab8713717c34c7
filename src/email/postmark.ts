import { Errors, ServerClient } from 'postmark';

export interface Mail {
  from: string;
  to: string;
  subject: string;
  html: string;
  text: string;
  /** The kind, Postmark's tag. */
  tag: string;
  metadata: { teamId?: string; cause: string };
  attachments?: Attachment[];
}

/** A file that goes with a mail. `content`: in base64. */
export interface Attachment {
  name: string;
  contentType: string;
  content: string;
}

/** Refused for good: never tried again (R36). Postponed: to be tried again. */
export type MailResult =
  | { kind: 'sent' }
  | { kind: 'refused'; code: string }
  | { kind: 'postponed'; code: string };

/** A client of Postmark; `apiBase` is for stand-ins, `http://host:port`. */
export function createPostmark(serverToken: string, apiBase: string | undefined): ServerClient {
  const base = apiBase === undefined ? undefined : new URL(apiBase);
  return new ServerClient(serverToken, {
    // In seconds, unlike Stripe's: well below the time of the activity that sends.
    timeout: 30,
    ...(base && { requestHost: base.host, useHttps: base.protocol === 'https:' }),
  });
}

/** Codes that trying again does not change: invalid request, inactive recipient (postmarkapp.com/developer/api/overview#error-codes). */
const REFUSED_FOR_GOOD = [300, 406];

/** Sends up to 500 mails in one call, with a result for each, in order. Throws when Postmark gives no answer. */
export async function sendBatch(
  client: ServerClient,
  mails: readonly Mail[],
): Promise<MailResult[]> {
  const messages = mails.map(
    ({ from, to, subject, html, text, tag, metadata, attachments = [] }) => ({
      From: from,
      To: to,
      Subject: subject,
      HtmlBody: html,
      TextBody: text,
      Tag: tag,
      Metadata: metadata,
      MessageStream: 'outbound',
      Attachments: attachments.map(({ name, contentType, content }) => ({
        Name: name,
        ContentType: contentType,
        Content: content,
        ContentID: null,
      })),
    }),
  );
  const responses = await client.sendEmailBatch(messages).catch((error: unknown) => {
    if (!(error instanceof Errors.PostmarkError)) throw error;
    // Postmark's own messages can quote addresses.
    throw new Error(`Postmark: ${error.name} ${error.statusCode} code ${error.code}`);
  });
  return responses.map(({ ErrorCode }): MailResult => {
    if (ErrorCode === 0) return { kind: 'sent' };
    const code = String(ErrorCode);
    return { kind: REFUSED_FOR_GOOD.includes(ErrorCode) ? 'refused' : 'postponed', code };
  });
}
