import type { Email, OperationsEmail, TeamEmail } from '../db/emails.js';
import { closeReport } from './closeReport.js';
import { dunningMail } from './dunningMails.js';
import { type Content, render } from './layout.js';
import { monthlySummary } from './monthlySummary.js';
import type { Mail } from './postmark.js';
import { subscriptionMail } from './subscriptionMails.js';
import { usageThreshold } from './usageThreshold.js';

/**
 * A mail as it is sent. `zone`: the time zone in which times are told; `operations`: where mails of no team go.
 * Throws where no mail can be made of it.
 */
export function renderMail(
  email: Email,
  zone: string,
  operations: string | undefined,
): Omit<Mail, 'from'> {
  const { kind: tag, cause } = email;
  if (email.teamId === null) {
    if (operations === undefined) throw new Error('OPERATIONS_EMAIL is not set');
    return { to: operations, tag, metadata: { cause }, ...render(operationsContent(email)) };
  }
  const { adminEmail: to, teamId } = email;
  return { to, tag, metadata: { teamId, cause }, ...render(contentOf(email, zone)) };
}

function operationsContent(email: OperationsEmail): Content {
  if (email.kind === 'close-report') return closeReport(email);
  throw new Error(`No mail to operations has the kind ${email.kind}`);
}

function contentOf(email: TeamEmail, zone: string): Content {
  if (email.kind === 'monthly-summary') return monthlySummary(email);
  const content =
    usageThreshold(email) ?? subscriptionMail(email, zone) ?? dunningMail(email, zone);
  if (content === undefined) throw new Error(`No mail has the kind ${email.kind}`);
  return content;
}
