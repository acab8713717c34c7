import type { Email } from '../db/emails.js';
import { dunningMail } from './dunningMails.js';
import { type Content, render } from './layout.js';
import { monthlySummary } from './monthlySummary.js';
import type { Mail } from './postmark.js';
import { subscriptionMail } from './subscriptionMails.js';
import { usageThreshold } from './usageThreshold.js';

/** A mail as it is sent. `zone`: the time zone in which times are told. */
export function renderMail(email: Email, zone: string): Omit<Mail, 'from'> {
  return {
    to: email.adminEmail,
    tag: email.kind,
    metadata: { teamId: email.teamId, cause: email.cause },
    ...render(contentOf(email, zone)),
  };
}

function contentOf(email: Email, zone: string): Content {
  if (email.kind === 'monthly-summary') return monthlySummary(email);
  const content =
    usageThreshold(email) ?? subscriptionMail(email, zone) ?? dunningMail(email, zone);
  if (content === undefined) throw new Error(`No mail has the kind ${email.kind}`);
  return content;
}
