/** An integer number of minor units of a currency (R1). Stripe gives IDR two decimals: Rp 299.000 is 29,900,000. */
export interface Money {
  amount: number;
  currency: Currency;
}

export type Currency = 'idr';

/** Minor units in one unit of the currency, as Stripe counts them (docs.stripe.com/currencies). */
const MINOR_UNITS = 100;

const whole = new Intl.NumberFormat('id-ID', {
  style: 'currency',
  currency: 'IDR',
  maximumFractionDigits: 0,
});
const exact = new Intl.NumberFormat('id-ID', {
  style: 'currency',
  currency: 'IDR',
  minimumFractionDigits: 2,
});

/** `Rp 299.000`, `Rp 112,34`, `-Rp 112,34`: no decimals for whole rupiah, two otherwise (R1). */
export function display({ amount }: Money): string {
  const format = amount % MINOR_UNITS === 0 ? whole : exact;
  return format.format(amount / MINOR_UNITS);
}

/** `299000.00`, `-112.34`: an amount in whole units of the currency as programs read it, exactly. */
export function decimal(amount: number | bigint): string {
  const minor = BigInt(amount);
  const size = minor < 0n ? -minor : minor;
  const [units, rest] = [size / BigInt(MINOR_UNITS), size % BigInt(MINOR_UNITS)];
  return `${minor < 0n ? '-' : ''}${units}.${String(rest).padStart(2, '0')}`;
}
