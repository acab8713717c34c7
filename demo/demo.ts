// `npm run demo`: one team's life, each line told when it has happened.
import Stripe from 'stripe';
import { display } from '../src/domain/money.js';
import { periodAt, previousPeriod } from '../src/domain/period.js';
import { api, sandbox, until } from './requests.js';
import { findStack, type Stack } from './stack.js';

const DAY_MS = 86_400_000;
/** One less than the thirteen of the product: all of the month has to be young enough. */
const MONTHS_KEPT = 12;

const stack = await findStack(process.env);
process.once('SIGINT', () => void stack.stop().then(() => process.exit(130)));
const begun = Date.now();

function tell(text: string, detail = ''): void {
  const seconds = ((Date.now() - begun) / 1000).toFixed(1).padStart(5);
  process.stdout.write(`${seconds} s  ${text}\n${detail && `         ${detail}\n`}`);
}

try {
  await live(stack);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
if (stack.own && process.stdin.isTTY && process.exitCode === undefined) {
  process.stdout.write('\nThe links work until Ctrl-C.\n');
} else {
  await stack.stop();
  process.exit();
}

async function live(stack: Stack): Promise<void> {
  const host = new URL(stack.sandbox);
  const stripe = new Stripe('sk_test_sandbox', {
    host: host.hostname,
    port: host.port,
    protocol: 'http',
  });
  const teamId = `demo-${begun.toString(36)}`;
  const team = async () => (await api(stack, 'GET', `/teams/${teamId}`)).body;
  const workflow = (id: string) => `${stack.temporalUi}/workflows/${id}`;
  const month = await lastOpenMonth(stack);

  // The customer's clock stands in the month to be billed, so that its usage can be closed today.
  const day = (number: number) => new Date(month.start.getTime() + number * DAY_MS);
  const seconds = (date: Date) => Math.floor(date.getTime() / 1000);
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: seconds(day(3)) });
  const customer = await stripe.customers.create({
    name: 'Kopi Nusantara',
    email: 'finance@kopi.example',
    test_clock: clock.id,
    payment_method: 'pm_card_visa',
    invoice_settings: { default_payment_method: 'pm_card_visa' },
  });
  const identity = { name: 'Kopi Nusantara', adminEmail: `${teamId}@kopi.example` };
  await api(stack, 'PUT', `/teams/${teamId}`, { ...identity, stripeCustomerId: customer.id });
  tell(`Team ${teamId} is on Free: 500 tokens a month, and no more.`);

  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: 'price_sandbox_pro' }],
    metadata: { team_id: teamId },
    billing_mode: { type: 'flexible' },
  });
  await until('the team is on Pro', team, ({ tier }) => tier === 'pro');
  tell('It subscribes to Pro: Stripe tells the webhook, the workflow makes it so.');
  tell('Its workflow, for as long as the team lives:', workflow(`subscription:${teamId}`));

  const used = { teamId, tokens: 62_345, occurredAt: day(10), metadata: { model: 'large' } };
  const usage = await api(stack, 'POST', '/usage', { ...used, idempotencyKey: 'answer-1' });
  const { usedTokens, tokenLimit, overageTokens, overageCost } = usage.body;
  tell(`It uses ${usedTokens} tokens in ${month.id}, of ${tokenLimit} in its plan:`);
  tell(`  ${overageTokens} above it cost ${overageCost.display} so far, already on disk.`);
  const again = await api(stack, 'POST', '/usage', { ...used, idempotencyKey: 'answer-1' });
  tell(`  The same event sent again is a ${again.body.result}: it counts once.`);

  await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: seconds(new Date()) });
  const { data: paid } = await stripe.invoices.list({ customer: customer.id, status: 'paid' });
  tell(`Time passes, and it pays: ${paid.length} invoices of ${display(money(paid[0]?.total))}.`);

  await sandbox(stack, 'POST', `/customers/${customer.id}/card`, {
    card: 'pm_card_chargeCustomerFail',
  });
  await sandbox(stack, 'POST', `/subscriptions/${subscription.id}/renew`);
  tell('Its card stops working, and its subscription renews.');
  for (const strike of [1, 2, 3]) {
    const struck = await until(
      `strike ${strike}`,
      team,
      ({ dunning }) => dunning !== null && dunning.strike >= strike,
    );
    const { access, dunning, subscriptionStatus } = struck;
    tell(
      `Strike ${strike} of 3: ${subscriptionStatus}, AI ${access.ai}, dashboard ${access.dashboard}.`,
    );
    if (dunning.nextAttemptAt) tell(`  The payment is tried again at ${dunning.nextAttemptAt}.`);
  }
  const denied = await api(stack, 'GET', `/teams/${teamId}/access`);
  tell(`May it go on? ${denied.body.allowed}: ${denied.body.reason}, fix: ${denied.body.fix}.`);

  await sandbox(stack, 'POST', `/customers/${customer.id}/card`, { card: 'pm_card_visa' });
  await until('the team is open again', team, ({ access }) => access.dashboard === 'open');
  tell('It changes its card. All that it owes is tried at once, and the team is open again.');

  await api(stack, 'POST', '/closes', { period: month.id });
  const close = await until(
    'the month is closed',
    async () => (await api(stack, 'GET', `/closes/${month.id}`)).body,
    ({ status }) => status === 'completed',
  );
  const { total } = close.teams;
  const records = total === 1 ? '1 record' : `${total} records`;
  tell(`${month.id} is closed: ${records}.`, workflow(`close:${month.id}`));
  const record = await api(stack, 'GET', `/teams/${teamId}/usage-billings/${month.id}`);
  tell(
    `  ${record.body.amountDue.display} for ${record.body.overageTokens} tokens, on Stripe as ${record.body.stripeInvoiceItemId}.`,
  );
  await sandbox(stack, 'POST', `/subscriptions/${subscription.id}/renew`);
  const billed = await until(
    'the overage is on an invoice',
    async () => (await api(stack, 'GET', `/teams/${teamId}/usage-billings/${month.id}`)).body,
    ({ status }) => status === 'billed',
  );
  const invoice = await stripe.invoices.retrieve(billed.stripeInvoiceId);
  tell(`Its next invoice carries that: ${display(money(invoice.total))}, ${invoice.status}.`);
  const mails = await until(
    'the bill is mailed',
    () => sandbox(stack, 'GET', `/mails?to=${encodeURIComponent(identity.adminEmail)}`),
    (all) => all.some(({ tag }: { tag: string }) => tag === 'monthly-summary'),
  );
  tell(`Its admin has ${mails.length} mails:`, `${stack.sandbox}/mailbox`);
  for (const { subject } of mails.toReversed()) tell(`  ${subject}`);
}

/** The last month that nobody has closed yet: usage of a closed one would be billed later. */
async function lastOpenMonth(stack: Stack) {
  let month = periodAt(new Date(), stack.zone);
  for (let back = 1; back <= MONTHS_KEPT; back += 1) {
    month = previousPeriod(month, stack.zone);
    const { status } = await api(stack, 'GET', `/closes/${month.id}`);
    if (status === 404) return month;
  }
  throw new Error('All months that usage is kept for are closed: start with a new DATA_DIR.');
}

function money(amount = 0) {
  return { amount, currency: 'idr' as const };
}
