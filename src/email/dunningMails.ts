import { z } from 'zod';
import type { TeamEmail } from '../db/emails.js';
import { formatAmount, formatTime } from './format.js';
import type { Content } from './layout.js';

const dunningDetails = z.object({
  invoiceId: z.string(),
  amountDue: z.int(),
  nextAttemptAt: z.iso.datetime().nullable(),
});

type DunningDetails = z.output<typeof dunningDetails> & { payUrl: string | null; when: string };

type Template = (team: string, details: DunningDetails) => Content;

const pay = ({ payUrl }: DunningDetails) =>
  payUrl === null ? {} : { action: { label: 'Pay now', url: payUrl } };

/** Each stage of the ladder in its own words (R22, R26, R27). */
const templates: Readonly<Record<string, Template>> = {
  'payment-warning': (team, details) => ({
    subject: `Payment failed for ${team}`,
    paragraphs: [
      `We could not collect ${formatAmount(details.amountDue)} for ${team}. Nothing changes for now.`,
      `We try again on ${details.when}. You can pay at once, or replace the card.`,
    ],
    ...pay(details),
  }),
  'payment-critical': (team, details) => ({
    subject: `Second payment attempt failed for ${team}: AI is limited`,
    paragraphs: [
      `The second attempt to collect ${formatAmount(details.amountDue)} failed. ${team} can use the tokens that its plan includes, but no more.`,
      `We try a last time on ${details.when}. If that fails, the dashboard is locked.`,
    ],
    ...pay(details),
  }),
  'account-locked': (team, details) => ({
    subject: `The dashboard of ${team} is locked`,
    paragraphs: [
      `Three attempts to collect ${formatAmount(details.amountDue)} failed, so the dashboard and AI of ${team} are locked. Your data is safe.`,
      'Pay the invoice, and everything is open again within moments.',
    ],
    ...pay(details),
  }),
  'payment-recovered': (team, details) => ({
    subject: `Payment received, ${team} is open`,
    paragraphs: [
      `Thank you: ${formatAmount(details.amountDue)} was paid. ${team} has full access again.`,
    ],
  }),
  'payment-action-required': (team, details) => ({
    subject: `Please confirm the payment for ${team}`,
    paragraphs: [
      `Your bank asks you to confirm the payment of ${formatAmount(details.amountDue)} for ${team}.`,
    ],
    ...(details.payUrl !== null && { action: { label: 'Confirm payment', url: details.payUrl } }),
  }),
};

/** What a mail of the ladder says; undefined for one of another kind. */
export function dunningMail(email: TeamEmail, zone: string): Content | undefined {
  const template = templates[email.kind];
  if (template === undefined) return undefined;
  const details = dunningDetails.parse(email.details);
  const { nextAttemptAt } = details;
  const when = nextAttemptAt === null ? 'the next occasion' : formatTime(nextAttemptAt, zone);
  return template(email.teamName, { ...details, when, payUrl: email.hostedInvoiceUrl });
}
