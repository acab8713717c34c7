import type Stripe from 'stripe';
import { missing } from '../http/error.js';
import { type Account, idOf } from '../stripe/account.js';
import { endOfPeriod } from '../stripe/billing/cancellation.js';
import { changeItems } from '../stripe/billing/changeItems.js';
import { attachSchedule } from '../stripe/billing/newSchedule.js';
import { plannedPhases } from '../stripe/billing/phases.js';
import { release } from '../stripe/billing/schedule.js';
import { scheduleOf } from '../stripe/billing/scheduled.js';
import { replaceCard } from '../stripe/resources/paymentMethods.js';

export interface PortalForm {
  action?: string | undefined;
  card?: string | undefined;
  price?: string | undefined;
  subscription?: string | undefined;
}

/** Does what a customer presses in the portal. Whatever it is of a plan, what was scheduled is over then. */
export function actInPortal(
  account: Account,
  customer: string,
  { action, card = '', price = '', subscription: id = '' }: PortalForm,
): void {
  if (action === 'card') {
    replaceCard(account, customer, card);
    return;
  }
  const subscription = account.get('subscription', id);
  if (idOf(subscription.customer) !== customer) throw missing('subscription', id);
  const schedule = scheduleOf(account, subscription);
  if (schedule) release(account, schedule);
  const current = account.get('subscription', id);
  switch (action) {
    case 'cancel':
    case 'resume':
      account.update(current, endOfPeriod(account, current, action === 'cancel'));
      return;
    case 'change-now':
      return changeNow(account, current, price);
    case 'change-later':
      return changeLater(account, current, price);
    default:
  }
}

/** The difference is paid at once, or nothing changes. */
function changeNow(account: Account, subscription: Stripe.Subscription, price: string): void {
  const id = subscription.items.data[0]?.id;
  changeItems(account, subscription, [{ id, price }], {
    proration: 'always_invoice',
    prorationDate: account.now(subscription.test_clock),
    behavior: 'error_if_incomplete',
  });
}

function changeLater(account: Account, subscription: Stripe.Subscription, price: string): void {
  const schedule = attachSchedule(account, subscription);
  const [phase] = schedule.phases;
  if (!phase || !schedule.current_phase) throw new Error(`Schedule ${schedule.id} has no phase.`);
  const [, ...next] = plannedPhases(account, subscription, schedule.current_phase, [
    {
      items: subscription.items.data.map((item) => ({ price: item.price.id })),
      start_date: phase.start_date,
      end_date: phase.end_date,
    },
    { items: [{ price }] },
  ]);
  account.update(schedule, { phases: [phase, ...next] });
}
