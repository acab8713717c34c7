import type Stripe from 'stripe';
import type { Pool } from '../db/pool.js';
import { sealedSince } from '../db/seals.js';
import { findTeam } from '../db/teams.js';
import {
  adoptItem,
  type BillingProgress,
  dueBillings,
  ITEM_DELETED,
  noteTried,
  openBillings,
  type UsageBilling,
  updateUsageBilling,
} from '../db/usageBillings.js';
import { forEach } from '../domain/forEach.js';
import type { Page } from '../domain/page.js';
import { catalogue } from '../domain/plans.js';
import { holdsPlan, isLive, type Subscription } from '../domain/subscription.js';
import { isRefusalOfKey, isStoredError, refusal } from '../stripe/errors.js';
import {
  createOverageDraft,
  createOverageItem,
  deleteItem,
  findOverageDraft,
  findOverageItem,
  isUndone,
  type Overage,
  overageItemsSince,
  readItem,
  readOverageInvoice,
  waitsFor,
} from '../stripe/overage.js';

/** Records that are billed at once: enough to keep to Stripe's rate, each waits for two or three answers. */
const AT_ONCE = 8;

/** How far this machine's clock and Stripe's may be apart. */
const CLOCKS_DIFFER_MS = 3_600_000;

/** Brings what records say is due onto Stripe's invoices, each once (R34). */
export class OverageService {
  constructor(
    private readonly pool: Pool,
    private readonly stripe: Stripe,
  ) {}

  /**
   * Looks once for all items that are on Stripe for a period and that the ledger does not know, as after a
   * restore from a backup: from then on a record that was never tried has none (R34).
   */
  async adoptItems(period: string): Promise<void> {
    const sealedAt = await sealedSince(this.pool, period);
    const since = new Date(sealedAt.getTime() - CLOCKS_DIFFER_MS);
    for await (const { teamId, itemId } of overageItemsSince(this.stripe, period, since)) {
      await adoptItem(this.pool, teamId, period, itemId);
    }
  }

  /**
   * Bills the due records of a page; what is done stays done when it is called again. `onProgress` is told
   * after each, and ends it by throwing.
   */
  async billPage(period: string, page: Page, onProgress: () => void): Promise<void> {
    await this.billAll(await dueBillings(this.pool, period, page), AT_ONCE, onProgress);
  }

  /**
   * Looks after the records of a team that are not billed yet: one whose invoice is final is, one
   * whose subscription has ended without an invoice is billed without it.
   */
  async settle(teamId: string): Promise<void> {
    // One after the other: Stripe locks a customer while something of it changes.
    await this.billAll(await openBillings(this.pool, teamId), 1, () => {});
  }

  private async billAll(
    records: readonly UsageBilling[],
    atOnce: number,
    onProgress: () => void,
  ): Promise<void> {
    await noteTried(this.pool, records);
    await forEach(records, atOnce, async (record) => {
      await this.bill(record);
      onProgress();
    });
  }

  private async bill(record: UsageBilling): Promise<void> {
    try {
      await this.goOn(record);
    } catch (error) {
      // Says nothing of the record: it is tried again until the key is right.
      if (isRefusalOfKey(error)) throw error;
      const generation = record.generation + 1;
      // Looked before it was created, and there was none: the key is spent for a day.
      if (isStoredError(error)) await this.progress(record, { generation });
      const { code, type } = refusal(error);
      await this.progress(record, { status: 'failed', failure: code ?? type, generation });
    }
  }

  /** Takes the record on from wherever an earlier try, or Stripe, has left it. */
  private async goOn(record: UsageBilling): Promise<void> {
    const { teamId, period, amountDue: amount } = record;
    const { subscription, customerId } = await this.standing(teamId);
    if (customerId === null) return this.progress(record, { status: 'carried_forward' });
    const { currency } = catalogue;
    const overage = () => ({
      teamId,
      period,
      generation: record.generation,
      customerId,
      amount,
      currency,
    });
    const item = await this.itemOf(record, overage());
    if (item?.invoice) return this.follow(record, overage(), item, item.invoice);

    if (subscription !== null && isLive(subscription)) {
      if (item !== undefined && waitsFor(item, subscription.id)) return this.wait(record, item);
      if (item === undefined && record.stripeInvoiceItemId !== null) {
        return this.progress(record, { status: 'failed', failure: ITEM_DELETED });
      }
    }
    if (item !== undefined || record.stripeInvoiceItemId !== null) {
      // Its subscription has ended. The old key would answer with the item that is deleted now.
      const { generation } = record;
      const due = { status: 'due' as const, generation: generation + 1 };
      await this.progress(record, { ...due, stripeInvoiceItemId: null });
      if (item !== undefined) await deleteItem(this.stripe, item.id);
    }
    if (subscription !== null && holdsPlan(subscription.status)) {
      return this.addToSubscription(record, overage(), subscription);
    }
    if (amount < catalogue.smallestChargeable) {
      return this.progress(record, { status: 'carried_forward' });
    }
    const draft =
      (await findOverageDraft(this.stripe, overage())) ??
      (await createOverageDraft(this.stripe, overage()));
    const made = await createOverageItem(this.stripe, overage(), { invoice: draft.id });
    await this.follow(record, overage(), made, draft.id);
  }

  /** What is on Stripe for the record; of one that was not tried before, nothing. */
  private async itemOf(
    record: UsageBilling,
    overage: Overage,
  ): Promise<Stripe.InvoiceItem | undefined> {
    if (record.stripeInvoiceItemId !== null) {
      return readItem(this.stripe, record.stripeInvoiceItemId);
    }
    if (record.tried) return findOverageItem(this.stripe, overage);
    record.tried = true;
    return undefined;
  }

  private async addToSubscription(
    record: UsageBilling,
    overage: Overage,
    { id }: Subscription,
  ): Promise<void> {
    const item = await createOverageItem(this.stripe, overage, { subscription: id });
    await this.wait(record, item);
    const { subscription } = await this.standing(record.teamId);
    // It ended meanwhile, and its end was settled before this record waited for it.
    if (subscription?.id !== id || !isLive(subscription)) await this.goOn(record);
  }

  /** Billed as soon as the invoice that the item is on is final; of a change of plan, paid. */
  private async follow(
    record: UsageBilling,
    overage: Overage,
    item: Stripe.InvoiceItem,
    on: string | Stripe.Invoice,
  ): Promise<void> {
    const invoiceId = typeof on === 'string' ? on : on.id;
    const invoice = await readOverageInvoice(this.stripe, overage, invoiceId);
    if (isUndone(invoice)) {
      const due = { status: 'due' as const, generation: record.generation + 1 };
      await this.progress(record, { ...due, stripeInvoiceItemId: null });
      return this.goOn(record);
    }
    // A change of plan may yet fail, and its invoice become void.
    const mayEnd = invoice.status === 'open' && invoice.billing_reason === 'subscription_update';
    if (invoice.status === 'draft' || mayEnd) return this.wait(record, item);
    const { finalized_at } = invoice.status_transitions;
    await this.progress(record, {
      status: 'billed',
      stripeInvoiceItemId: item.id,
      stripeInvoiceId: invoice.id,
      billedAt: new Date((finalized_at ?? invoice.created) * 1000),
    });
  }

  private async wait(record: UsageBilling, { id }: Stripe.InvoiceItem): Promise<void> {
    await this.progress(record, { status: 'pending', stripeInvoiceItemId: id });
  }

  private async standing(
    teamId: string,
  ): Promise<{ subscription: Subscription | null; customerId: string | null }> {
    const team = await findTeam(this.pool, teamId);
    const subscription = team?.state.subscription ?? null;
    const customerId = subscription?.customerId ?? team?.stripeCustomerId ?? null;
    return { subscription, customerId };
  }

  /** Writes it down, and into `record`. Throws when another has taken the record on meanwhile. */
  private async progress(record: UsageBilling, progress: BillingProgress): Promise<void> {
    if (!(await updateUsageBilling(this.pool, record, progress))) {
      throw new Error(`${record.teamId} ${record.period} is being billed by another`);
    }
    Object.assign(record, { failure: null, ...progress });
  }
}
