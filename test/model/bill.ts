/**
 * What its months cost a team, as the rules tell it: computed from all that is known, in whatever order it
 * was heard, and with nothing of what it proves. Times are milliseconds, amounts minor units.
 */
export class Bill {
  private readonly usage: { month: string; tokens: number }[] = [];
  private readonly plans = new Map<string, Held>();

  use(at: number, tokens: number): void {
    this.correct(monthAt(at), tokens);
  }

  /** Whether it was taken: no correction leaves less than nothing (R13). */
  correct(month: string, tokens: number): boolean {
    if (this.used(month) + tokens < 0) return false;
    this.usage.push({ month, tokens });
    return true;
  }

  /** Told again, it has another end (R37). */
  hold(held: Held): void {
    this.plans.set(`${held.plan} ${held.from}`, held);
  }

  get held(): Held[] {
    return [...this.plans.values()];
  }

  used(month: string): number {
    return this.usage
      .filter((usage) => usage.month === month)
      .reduce((sum, { tokens }) => sum + tokens, 0);
  }

  /** The largest plan of the month says what is included; above it a token is a minor unit (R2, R3, R4). */
  cost(month: string): number {
    const plans = this.held
      .filter(({ from, to }) => from < endOf(month) && (to ?? Infinity) > startOf(month))
      .map(({ plan }) => plan);
    if (plans.includes('enterprise')) return Math.max(0, this.used(month) - 500_000);
    if (plans.includes('pro')) return Math.max(0, this.used(month) - 50_000);
    return 0;
  }
}

/** `to`: null while it holds. */
export interface Held {
  plan: 'pro' | 'enterprise';
  from: number;
  to: number | null;
}

/** Jakarta's clocks are never changed (R6). */
const OFFSET = 7 * 3_600_000;

function monthAt(at: number): string {
  return new Date(at + OFFSET).toISOString().slice(0, 7);
}

function startOf(month: string): number {
  return Date.parse(`${month}-01T00:00:00+07:00`);
}

function endOf(month: string): number {
  const [year = 0, number = 0] = month.split('-').map(Number);
  return Date.UTC(year, number) - OFFSET;
}
