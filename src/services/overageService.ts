import type Stripe from 'stripe';
import type { Pool } from '../db/pool.js';
import {
  AMOUNT_DIFFERS,
  adoptItem,
  type BillingChange,
  type BillingProgress,
  type BillingStanding,
  dueBillings,
  ITEM_DELETED,
  NO_ANSWER,
  openBillings,
  type TakenUp,
  takeUpBillings,
  type UsageBilling,
  updateUsageBillings,
} from '../db/usageBillings.js';
import type { Page } from '../domain/page.js';
import type { Period } from '../domain/period.js';
import { catalogue } from '../domain/plans.js';
import { holdsPlan, isLive, type Subscription } from '../domain/subscription.js';
import {
  isAnswering,
  isRefusalOfKey,
  isStoredError,
  refusal,
  StripeUnavailable,
} from '../stripe/errors.js';
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
  stoppedDraftOf,
  waitsFor,
} from '../stripe/overage.js';

/** Records of a page that are billed at once: enough to keep to Stripe's rate, each waits for two or three answers. */
const AT_ONCE = 16;

/** After them a record has failed that Stripe gives no answer, and others one: the tries of some eight minutes. */
const ATTEMPTS = 20;

/** How far this machine's clock and Stripe's may be apart. */
const CLOCKS_DIFFER_MS = 3_600_000;

/** A record for which Stripe gave no answer that counts. */
interface Unanswered {
  record: UsageBilling;
  error: StripeUnavailable;
}

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
  async adoptItems({ id: period, end }: Pick<Period, 'id' | 'end'>): Promise<void> {
    const since = new Date(end.getTime() - CLOCKS_DIFFER_MS);
    for await (const item of overageItemsSince(this.stripe, period, since)) {
      await adoptItem(this.pool, { period, ...item });
    }
  }

  /**
   * Bills the due records of a page; what is done stays done when it is called again, for the `attempt`th time.
   * `between` is called after some of them, and ends it by throwing. Throws `StripeUnavailable` where Stripe
   * has given a record no answer that counts: the others are billed meanwhile. After so many attempts, while
   * Stripe answers others, that record has failed.
   */
  async billPage(
    period: string,
    page: Page,
    { attempt = 1, between = () => {} }: { attempt?: number; between?: () => void } = {},
  ): Promise<void> {
    const records = await dueBillings(this.pool, period, page);
    const unanswered = await this.billAll(records, AT_ONCE, between);
    const [first] = unanswered;
    if (first === undefined) return;
    if (attempt < ATTEMPTS || !(await isAnswering(this.stripe))) throw first.error;
    const progress = { status: 'failed' as const, failure: NO_ANSWER };
    await this.progress(unanswered.map(({ record }) => ({ record, progress })));
  }

  /**
   * Looks after the records of a team that are not billed yet: one whose invoice is final is, one
   * whose subscription has ended without an invoice is billed without it.
   */
  async settle(teamId: string): Promise<void> {
    const records = await openBillings(this.pool, teamId);
    // No close has looked for items that the ledger lost, so each is looked for by itself.
    for (const record of records) record.tried = true;
    // One after the other: Stripe locks a customer while something of it changes.
    const [unanswered] = await this.billAll(records, 1, () => {});
    if (unanswered !== undefined) throw unanswered.error;
  }

  /** Gives the records that got no answer. Where none of those at once got one, the others are not tried. */
  private async billAll(
    records: readonly UsageBilling[],
    atOnce: number,
    between: () => void,
  ): Promise<Unanswered[]> {
    const unanswered: Unanswered[] = [];
    for (let begun = 0; begun < records.length; begun += atOnce) {
      const some = records.slice(begun, begun + atOnce);
      const left = await this.billTogether(some);
      unanswered.push(...left);
      const [first] = left;
      const isAway = left.length >= some.length && begun + atOnce < records.length;
      const told = left.find(({ error }) => error.retryAfter !== null);
      if (first !== undefined && (isAway || told !== undefined)) throw (told ?? first).error;
      between();
    }
    return unanswered;
  }

  /**
   * Bills records at once. The ledger is asked and told of all of them in one statement each: those of every
   * single record took as long as its call to Stripe. When one fails, what became of the others is kept. A
   * subscription that ends meanwhile is settled after it is known to have ended, which finds the record.
   */
  private async billTogether(records: readonly UsageBilling[]): Promise<Unanswered[]> {
    const taken = await takeUpBillings(this.pool, records);
    const changes: BillingChange[] = [];
    const unanswered: Unanswered[] = [];
    const failures: unknown[] = [];
    const bill = async ({ record, standing }: TakenUp) => {
      try {
        changes.push({ record, progress: await this.bill(record, standing) });
      } catch (error) {
        if (error instanceof StripeUnavailable) unanswered.push({ record, error });
        else failures.push(error);
      }
    };
    await Promise.all(taken.map(bill));
    await this.progress(changes).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
    return unanswered;
  }

  private async bill(record: UsageBilling, standing: BillingStanding): Promise<BillingProgress> {
    try {
      return await this.goOn(record, standing);
    } catch (error) {
      // Says nothing of the record: it is tried again until the key is right.
      if (isRefusalOfKey(error)) throw error;
      const generation = record.generation + 1;
      // Looked before it was created, and there was none: the key is spent for a day.
      if (isStoredError(error)) await this.progress([{ record, progress: { generation } }]);
      const { code, type } = refusal(error);
      return { status: 'failed', failure: code ?? type, generation };
    }
  }

  /** Takes the record on from wherever an earlier try, or Stripe, has left it: to where is the result. */
  private async goOn(record: UsageBilling, standing: BillingStanding): Promise<BillingProgress> {
    const { teamId, period, lines, amountDue: amount } = record;
    const { subscription, customerId } = standing;
    if (customerId === null) return { status: 'carried_forward' };
    const { currency } = catalogue;
    const overage = () => ({
      teamId,
      period,
      generation: record.generation,
      customerId,
      amount,
      currency,
      lines,
    });
    const item = await this.itemOf(record, overage());
    if (record.stripeInvoiceItemId !== null) {
      // We forget an item before we delete it.
      if (item === undefined) return { status: 'failed', failure: ITEM_DELETED };
    } else if (item !== undefined && item.amount !== amount) {
      return { status: 'failed', failure: AMOUNT_DIFFERS };
    }
    if (item?.invoice) {
      const on = typeof item.invoice === 'string' ? item.invoice : item.invoice.id;
      const invoice = await readOverageInvoice(this.stripe, overage(), on);
      const isLeft = isLeftBehind(invoice, subscription);
      if (!isLeft && !isUndone(invoice)) return isOn(invoice, item);
      await this.beginAnew(record, customerId);
      if (isLeft) await deleteItem(this.stripe, item.id);
      return this.goOn(record, standing);
    }
    if (item !== undefined) {
      const waits = subscription !== null && isLive(subscription);
      if (waits && waitsFor(item, subscription.id)) return waitFor(item);
      // Its subscription has ended.
      await this.beginAnew(record, customerId);
      await deleteItem(this.stripe, item.id);
    } else if (record.triedCustomer !== customerId) {
      await this.beginAnew(record, customerId);
    }
    if (subscription !== null && holdsPlan(subscription.status)) {
      const on = { subscription: subscription.id };
      return waitFor(await createOverageItem(this.stripe, overage(), on));
    }
    if (amount < catalogue.smallestChargeable) return { status: 'carried_forward' };
    const draft =
      (await findOverageDraft(this.stripe, overage())) ??
      (await createOverageDraft(this.stripe, overage()));
    const made = await createOverageItem(this.stripe, overage(), { invoice: draft.id });
    return isOn(await readOverageInvoice(this.stripe, overage(), draft.id), made);
  }

  /** The record is due again, by another item: the key of the one before would answer with that one. */
  private async beginAnew(record: UsageBilling, triedCustomer: string): Promise<void> {
    const generation = record.generation + 1;
    const progress = {
      status: 'due' as const,
      ...{ generation, triedCustomer, stripeInvoiceItemId: null },
    };
    await this.progress([{ record, progress }]);
  }

  /** What is on Stripe for the record, at whom it was tried; of one that was not tried before, nothing. */
  private async itemOf(
    record: UsageBilling,
    overage: Overage,
  ): Promise<Stripe.InvoiceItem | undefined> {
    if (record.stripeInvoiceItemId !== null) {
      return readItem(this.stripe, record.stripeInvoiceItemId);
    }
    const { tried, triedCustomer } = record;
    record.tried = true;
    if (!tried) return undefined;
    return findOverageItem(this.stripe, triedCustomer ?? overage.customerId, overage);
  }

  /** Writes it down, and into the records. Throws when another has taken one of them on meanwhile. */
  private async progress(changes: readonly BillingChange[]): Promise<void> {
    const written = await updateUsageBillings(this.pool, changes);
    const others = changes.filter(({ record, progress }, index) => {
      if (written[index]) Object.assign(record, { failure: null, ...progress });
      return !written[index];
    });
    const [other] = others;
    if (other !== undefined) {
      const { teamId, period } = other.record;
      throw new Error(`${teamId} ${period} is being billed by another`);
    }
  }
}

const waitFor = ({ id }: Stripe.InvoiceItem): BillingProgress => ({
  status: 'pending',
  stripeInvoiceItemId: id,
});

/** Billed as soon as the invoice that the item is on is final; of a change of plan, paid. */
function isOn(invoice: Stripe.Invoice, item: Stripe.InvoiceItem): BillingProgress {
  // A change of plan may yet fail, and its invoice become void.
  const mayEnd = invoice.status === 'open' && invoice.billing_reason === 'subscription_update';
  if (invoice.status === 'draft' || mayEnd) return waitFor(item);
  const { finalized_at } = invoice.status_transitions;
  return {
    status: 'billed',
    stripeInvoiceItemId: item.id,
    stripeInvoiceId: invoice.id,
    billedAt: new Date((finalized_at ?? invoice.created) * 1000),
  };
}

/** Whether it is a draft of a subscription that has ended since, and that Stripe will not finalise. */
function isLeftBehind(invoice: Stripe.Invoice, now: Subscription | null): boolean {
  const drafted = stoppedDraftOf(invoice);
  return drafted !== null && (now?.id !== drafted || !isLive(now));
}
