import type Stripe from 'stripe';
import type { Pool } from '../db/pool.js';
import { findTeam } from '../db/teams.js';
import {
  type BillingProgress,
  dueBillings,
  pendingBillings,
  type UsageBilling,
  updateUsageBilling,
} from '../db/usageBillings.js';
import type { Page } from '../domain/page.js';
import { catalogue } from '../domain/plans.js';
import { holdsPlan, type Subscription } from '../domain/subscription.js';
import { isStoredError, refusal } from '../stripe/errors.js';
import {
  createOverageInvoice,
  createOverageItem,
  deleteItem,
  findOverageInvoice,
  findOverageItem,
  type Overage,
  readItem,
} from '../stripe/overage.js';

/** Brings what records say is due onto Stripe's invoices, each once (R34). */
export class OverageService {
  constructor(
    private readonly pool: Pool,
    private readonly stripe: Stripe,
  ) {}

  /**
   * Bills the due records of a page, one after the other; what is done stays done when it is called
   * again. `onProgress` is told after each.
   */
  async billPage(period: string, page: Page, onProgress: () => void): Promise<void> {
    for (const record of await dueBillings(this.pool, period, page)) {
      await this.bill(record);
      onProgress();
    }
  }

  /**
   * Looks after the records of a team that wait for an invoice: finalised, they are billed; when the
   * subscription has ended without one, they are billed without it.
   */
  async settle(teamId: string): Promise<void> {
    for (const record of await pendingBillings(this.pool, teamId)) await this.settleRecord(record);
  }

  private async bill(record: UsageBilling): Promise<void> {
    const { teamId, period, amountDue, generation } = record;
    const team = await findTeam(this.pool, teamId);
    const subscription = team?.state.subscription ?? null;
    const holds = subscription !== null && holdsPlan(subscription.status);
    const customerId = subscription?.customerId ?? team?.stripeCustomerId;
    if (!customerId || (!holds && amountDue < catalogue.smallestChargeable)) {
      return this.progress(record, { status: 'carried_forward' });
    }
    const { currency } = catalogue;
    const overage = { teamId, period, generation, customerId, amount: amountDue, currency };
    try {
      if (holds) await this.addToSubscription(record, overage, subscription);
      else await this.invoice(record, overage);
    } catch (error) {
      if (isStoredError(error)) {
        // Looked before it was created, and there was none: the key is spent for a day.
        await this.progress(record, { generation: generation + 1 });
        throw error;
      }
      const { code, type } = refusal(error);
      await this.progress(record, { status: 'failed', failure: code ?? type });
    }
  }

  private async addToSubscription(
    record: UsageBilling,
    overage: Overage,
    { id: subscription }: Subscription,
  ): Promise<void> {
    const item =
      (await findOverageItem(this.stripe, overage)) ??
      (await createOverageItem(this.stripe, overage, { subscription }));
    await this.progress(record, { status: 'pending', stripeInvoiceItemId: item.id });
  }

  /** Each step finds what an earlier try has made. */
  private async invoice(record: UsageBilling, overage: Overage): Promise<void> {
    const invoice =
      (await findOverageInvoice(this.stripe, overage)) ??
      (await createOverageInvoice(this.stripe, overage));
    const item =
      (await findOverageItem(this.stripe, overage)) ??
      (await createOverageItem(this.stripe, overage, { invoice: invoice.id }));
    const final =
      invoice.status === 'draft' ? await this.stripe.invoices.finalizeInvoice(invoice.id) : invoice;
    await this.progress(record, {
      stripeInvoiceItemId: item.id,
      ...billedOn(final),
    });
  }

  private async settleRecord(record: UsageBilling): Promise<void> {
    const item = await readItem(this.stripe, record.stripeInvoiceItemId ?? '');
    if (item?.invoice) {
      const id = typeof item.invoice === 'string' ? item.invoice : item.invoice.id;
      const invoice = await this.stripe.invoices.retrieve(id);
      if (invoice.status !== 'draft') await this.progress(record, billedOn(invoice));
      return;
    }
    const team = await findTeam(this.pool, record.teamId);
    const status = team?.state.subscription?.status;
    const ended = status === undefined || status === 'canceled' || status === 'incomplete_expired';
    if (ended) {
      if (item !== undefined) await deleteItem(this.stripe, item.id);
      const again = { status: 'due' as const, generation: record.generation + 1 };
      await this.progress(record, { ...again, stripeInvoiceItemId: null });
      await this.bill({ ...record, ...again });
    } else if (item === undefined) {
      await this.progress(record, { status: 'failed', failure: 'item_deleted_at_stripe' });
    }
  }

  private async progress(record: UsageBilling, progress: BillingProgress): Promise<void> {
    await updateUsageBilling(this.pool, record, progress);
  }
}

function billedOn({ id, status_transitions: { finalized_at } }: Stripe.Invoice): BillingProgress {
  const billedAt = finalized_at === null ? new Date() : new Date(finalized_at * 1000);
  return { status: 'billed', stripeInvoiceId: id, billedAt };
}
