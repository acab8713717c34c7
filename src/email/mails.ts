import { z } from 'zod';
import type { Email } from '../db/emails.js';
import { display } from '../domain/money.js';
import { catalogue } from '../domain/plans.js';
import { type Content, render } from './layout.js';
import type { Mail } from './postmark.js';

const dunningDetails = z.object({
  invoiceId: z.string(),
  amountDue: z.int(),
  nextAttemptAt: z.iso.datetime().nullable(),
});

type DunningDetails = z.output<typeof dunningDetails> & { payUrl: string | null; when: string };

type Template = (team: string, details: DunningDetails) => Content;

const rupiah = (amount: number) => display({ amount, currency: catalogue.currency });

const pay = ({ payUrl }: DunningDetails) =>
  payUrl === null ? {} : { action: { label: 'Pay now', url: payUrl } };

/** Each stage of the ladder in its own words (R22, R26, R27). */
const dunningMails: Readonly<Record<string, Template>> = {
  'payment-warning': (team, details) => ({
    subject: `Payment failed for ${team}`,
    paragraphs: [
      `We could not collect ${rupiah(details.amountDue)} for ${team}. Nothing changes for now.`,
      `We try again on ${details.when}. You can pay at once, or replace the card.`,
    ],
    ...pay(details),
  }),
  'payment-critical': (team, details) => ({
    subject: `Second payment attempt failed for ${team}: AI is limited`,
    paragraphs: [
      `The second attempt to collect ${rupiah(details.amountDue)} failed. ${team} can use the tokens that its plan includes, but no more.`,
      `We try a last time on ${details.when}. If that fails, the dashboard is locked.`,
    ],
    ...pay(details),
  }),
  'account-locked': (team, details) => ({
    subject: `The dashboard of ${team} is locked`,
    paragraphs: [
      `Three attempts to collect ${rupiah(details.amountDue)} failed, so the dashboard and AI of ${team} are locked. Your data is safe.`,
      'Pay the invoice, and everything is open again within moments.',
    ],
    ...pay(details),
  }),
  'payment-recovered': (team, details) => ({
    subject: `Payment received, ${team} is open`,
    paragraphs: [
      `Thank you: ${rupiah(details.amountDue)} was paid. ${team} has full access again.`,
    ],
  }),
  'payment-action-required': (team, details) => ({
    subject: `Please confirm the payment for ${team}`,
    paragraphs: [
      `Your bank asks you to confirm the payment of ${rupiah(details.amountDue)} for ${team}.`,
    ],
    ...(details.payUrl !== null && { action: { label: 'Confirm payment', url: details.payUrl } }),
  }),
};

const summaryDetails = z.object({
  period: z.string(),
  plan: z.string(),
  usedTokens: z.int(),
  tokenLimit: z.int(),
  lines: z.array(
    z.object({ kind: z.enum(['overage', 'late', 'carried']), period: z.string(), amount: z.int() }),
  ),
  amountDue: z.int(),
});

const lineLabels = {
  overage: 'Usage above the plan',
  late: 'Usage recorded late',
  carried: 'Carried forward',
};

/** What a month's usage was, and what it costs beside the plan (R32). */
function monthlySummary(team: string, details: z.output<typeof summaryDetails>): Content {
  const { period, plan, usedTokens, tokenLimit, lines, amountDue } = details;
  const tokens = (count: number) => count.toLocaleString('id-ID');
  return {
    subject: `Usage of ${team} in ${period}`,
    paragraphs: [
      `${team} used ${tokens(usedTokens)} tokens in ${period}; the ${plan} plan includes ${tokens(tokenLimit)}.`,
      amountDue === 0
        ? 'Nothing is due beside the plan.'
        : 'It comes with a later invoice, to which tax is added; small amounts may be carried forward.',
    ],
    figures: [
      ...lines.map((line) => ({
        label: `${lineLabels[line.kind]}, ${line.period}`,
        value: rupiah(line.amount),
      })),
      { label: 'Due beside the plan', value: rupiah(amountDue) },
    ],
  };
}

function contentOf(email: Email, zone: string): Content {
  if (email.kind === 'monthly-summary') {
    return monthlySummary(email.teamName, summaryDetails.parse(email.details));
  }
  const template = dunningMails[email.kind];
  if (template === undefined) throw new Error(`No mail has the kind ${email.kind}`);
  const details = dunningDetails.parse(email.details);
  const when = tellTime(details.nextAttemptAt, zone);
  return template(email.teamName, { ...details, when, payUrl: email.hostedInvoiceUrl });
}

/** A mail as it is sent. `zone`: the time zone in which times are told. */
export function renderMail(email: Email, zone: string): Omit<Mail, 'from'> {
  return {
    to: email.adminEmail,
    tag: email.kind,
    metadata: { teamId: email.teamId, cause: email.cause },
    ...render(contentOf(email, zone)),
  };
}

function tellTime(instant: string | null, zone: string): string {
  if (instant === null) return 'the next occasion';
  const format = new Intl.DateTimeFormat('en-GB', {
    dateStyle: 'long',
    timeStyle: 'long',
    timeZone: zone,
  });
  return format.format(new Date(instant));
}
