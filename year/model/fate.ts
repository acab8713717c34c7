export type Plan = 'free' | 'pro' | 'enterprise';

/** What a card does: pays, is declined, or has its bank ask the customer each time (3-D Secure). */
export type Card = 'good' | 'declined' | 'asking';

export type OperatorAct =
  | 'retry-payment'
  | 'extend-grace'
  | 'pause-dunning'
  | 'resume-dunning'
  | 'waive'
  | 'resync';

/** What the customer, the host or an operator does, or what Stripe's dashboard is used for. */
export type Deed =
  | { does: 'puts card'; card: Card }
  /** Another card, for the newest invoice that is open, and for no other. */
  | { does: 'pays on the page' }
  /** All invoices that are open. */
  | { does: 'pays out of band' }
  | { does: 'answers the bank'; agrees: boolean }
  | { does: 'asks for'; plan: Plan }
  | { does: 'subscribes'; plan: Exclude<Plan, 'free'> }
  | { does: 'cancels at once' }
  | { does: 'makes void' }
  | { does: 'disputes' }
  | { does: 'ends dispute'; as: 'won' | 'lost' }
  | { does: 'refunds'; amount: number }
  /** `graceDays`: from now on, of `extend-grace`. */
  | { does: 'acts'; act: OperatorAct; graceDays?: number };

/** A deed, and when: so many days, and parts of them, after the renewal of a month; 0 is the first month. */
export type Happening = { month: number; day: number } & Deed;

/** What happens to a team in its year. */
export interface Fate {
  name: string;
  plan: Exclude<Plan, 'free'>;
  /** The year begins with a trial. */
  trialDays?: number;
  /** In the order of time. */
  happenings: readonly Happening[];
}
