import { display } from '../domain/money.js';
import { catalogue } from '../domain/plans.js';

/** An amount in minor units as mails tell it (R1). */
export const formatAmount = (amount: number): string =>
  display({ amount, currency: catalogue.currency });

/** What the lines of a record are called. */
export const lineLabels = {
  overage: 'Usage above the plan',
  late: 'Usage recorded late',
  carried: 'Carried forward',
};

/** A number of tokens as mails tell it. */
export const formatTokens = (count: number): string => count.toLocaleString('id-ID');

/** An instant as mails tell it, in the time zone `zone`. */
export function formatTime(instant: string, zone: string): string {
  const format = new Intl.DateTimeFormat('en-GB', {
    dateStyle: 'long',
    timeStyle: 'long',
    timeZone: zone,
  });
  return format.format(new Date(instant));
}
