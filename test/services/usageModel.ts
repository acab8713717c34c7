/** What a caller tells, in the model's own words; times are milliseconds. */
export interface Op {
  team: string;
  key: string;
  tokens: number;
  /** When usage says that it occurred; null when it says nothing. */
  statedAt: number | null;
  model: string | null;
  /** Of a correction: the month that it corrects, and why. */
  corrects: { month: string; reason: string } | null;
}

export interface Expected {
  result: 'recorded' | 'duplicate' | 'conflict' | 'unknown_team' | 'time' | 'below_zero';
  month?: string;
  billedIn?: string;
  /** The team's total of the month, as of this event. */
  used?: number;
}

interface Kept {
  op: Op;
  month: string;
  day: string;
  billedIn: string;
}

const HOUR = 3_600_000;
/** The billing time zone of the model, which never changes its clocks. */
const OFFSET = 7 * HOUR;

const local = (ms: number) => new Date(ms + OFFSET).toISOString();
const monthAt = (ms: number) => local(ms).slice(0, 7);
const startOf = (month: string) => Date.parse(`${month}-01T00:00:00Z`) - OFFSET;

function endOf(month: string): number {
  const [year, number] = month.split('-').map(Number);
  return Date.UTC(year ?? 0, number ?? 0) - OFFSET;
}

/**
 * Usage as the rules tell it, one event after the other and nothing at once: what the recorder does in
 * commits must look like this.
 */
export class UsageModel {
  readonly kept = new Map<string, Kept>();
  readonly sealed = new Set<string>();
  /** Mails that are due however events were gathered, and those that may be: a jump over both says 100 % alone. */
  readonly due = new Set<string>();
  readonly allowed = new Set<string>();

  constructor(readonly limits: ReadonlyMap<string, number>) {}

  used(team: string, month: string): number {
    return this.sum((kept) => kept.op.team === team && kept.month === month);
  }

  sum(counts: (kept: Kept) => boolean): number {
    return [...this.kept.values()]
      .filter(counts)
      .reduce((total, { op: { tokens } }) => total + tokens, 0);
  }

  /** What events are answered that are told at one instant, in this order. */
  tellAll(ops: readonly Op[], now: number): Expected[] {
    const walks = new Map<string, { team: string; month: string; totals: number[] }>();
    const answers = ops.map((op) => {
      const { team } = op;
      const month = op.corrects?.month ?? monthAt(op.statedAt ?? now);
      const before = this.used(team, month);
      const walk = walks.get(`${team} ${month}`) ?? { team, month, totals: [before] };
      const answer = this.tell(op, now);
      walk.totals.push(this.used(team, month));
      walks.set(`${team} ${month}`, walk);
      for (const mail of this.crossed(team, month, [before, this.used(team, month)])) {
        this.allowed.add(mail);
      }
      return answer;
    });
    for (const { team, month, totals } of walks.values()) {
      for (const mail of this.crossed(team, month, totals)) this.due.add(mail);
    }
    return answers;
  }

  private tell(op: Op, now: number): Expected {
    const { team, key, corrects, tokens } = op;
    if (corrects !== null && startOf(corrects.month) > now) return { result: 'time' };
    const at = corrects ? Math.min(endOf(corrects.month) - 1, now) : (op.statedAt ?? now);
    if (at > now + 5 * 60_000 || at < monthsBefore(now, 13)) return { result: 'time' };
    if (!this.limits.has(team)) return { result: 'unknown_team' };

    const first = this.kept.get(`${team} ${key}`);
    if (first !== undefined) {
      if (JSON.stringify(first.op) !== JSON.stringify(op)) return { result: 'conflict' };
      const { month, billedIn } = first;
      return { result: 'duplicate', month, billedIn, used: this.used(team, month) };
    }
    const month = monthAt(at);
    const used = this.used(team, month) + tokens;
    if (corrects !== null && used < 0) return { result: 'below_zero' };
    const billedIn = this.sealed.has(month) ? monthAt(now) : month;
    this.kept.set(`${team} ${key}`, { op, month, day: local(at).slice(0, 10), billedIn });
    return { result: 'recorded', month, billedIn, used };
  }

  /** The mail that a walk of totals leads to when it is looked at as a whole. */
  private crossed(team: string, month: string, totals: readonly number[]): string[] {
    const limit = this.limits.get(team) ?? Number.POSITIVE_INFINITY;
    const [before = 0] = totals;
    const peak = Math.max(...totals);
    if (before < limit && peak >= limit) return [`${team} usage-100 ${month}`];
    if (before < 0.8 * limit && peak >= 0.8 * limit) return [`${team} usage-80 ${month}`];
    return [];
  }
}

function monthsBefore(now: number, months: number): number {
  const date = new Date(now);
  date.setUTCMonth(date.getUTCMonth() - months);
  return date.getTime();
}
