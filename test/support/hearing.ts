import type Stripe from 'stripe';
import type { Pool } from '../../src/db/pool.js';
import type { Fact } from '../../src/domain/team.js';
import { arrive } from './arrive.js';
import { Direct } from './direct.js';
import { policy } from './directLedger.js';
import { type End, endOf } from './ends.js';
import { priceIds, StripeSide } from './stripeSide.js';

/** What the team is to hear: an event, or the answer of a call that has reached Stripe, by the call's id. */
export type News = Stripe.Event | string;

/** Something happens at Stripe, and is true from then on; the id of the call that it came of, where it came of one. */
export interface Step {
  happens(team: Direct): Promise<unknown>;
  /** Whether the team is to hear of it while it is true: it leads to a strike, or to a mail. */
  matters?: true;
  /** Whether a timer of the team's causes it: nothing is asked of Stripe then. */
  byTimer?: true;
}

/** How a team hears of a story. */
export interface Way {
  /**
   * `in time`: the news of a step come before the next one happens. `late`: they come when all has
   * happened, but for one event of each step that matters, and the answer of its call. `in the end`: all
   * come when all has happened.
   */
  when: 'in time' | 'late' | 'in the end';
  /** The news of all steps, numbered as Stripe sends them, in the order in which they come; absent: as sent. */
  order?: readonly number[];
  /** Whether all comes twice from Stripe and twice from the relay, and once more when all is over. */
  doubled?: boolean;
  /** Whether what is asked of Stripe for one of the news is answered only when the next one was heard. */
  overlaps?: boolean;
}

/** A team hears news in a way. */
class Listener {
  private readonly withheld = new Set<string>();

  constructor(
    private readonly team: Direct,
    private readonly way: Way,
  ) {}

  /** A call's answer is news, too, and is not heard before its turn. */
  withhold(call: string): void {
    this.withheld.add(call);
  }

  /** Whether the team heard of it: most types are recorded and left alone. */
  async hear(news: News): Promise<boolean> {
    const { team, way } = this;
    const times = way.doubled ? 2 : 1;
    const earlier = this.answers();
    const facts: Fact[] = [];
    if (typeof news !== 'string') {
      for (let time = 0; time < times; time += 1) await team.tell(news);
      facts.push(...team.hints);
    } else if (this.withheld.delete(news)) {
      // Where an event has told already how it ended, the call is cancelled and its answer late.
      facts.push(...(team.calls.has(news) ? [team.answer(news)] : team.late.splice(0)));
    }
    if (facts.length > 0) await team.turn(...Array(times).fill(facts).flat());
    if (earlier.length > 0) await team.turn(...earlier);
    if (way.overlaps) await this.makeCalls();
    else await this.rest();
    return facts.length > 0;
  }

  /** All that is asked of Stripe is made and answered. */
  async rest(): Promise<void> {
    for (;;) {
      await this.makeCalls();
      const answers = this.answers();
      if (answers.length === 0) return;
      await this.team.turn(...answers);
    }
  }

  private async makeCalls(): Promise<void> {
    for (const [id, { answer }] of this.team.calls) {
      if (answer === null) await this.team.perform(id);
    }
  }

  private answers(): Fact[] {
    return [...this.team.calls].flatMap(([id, { answer }]) =>
      answer === null || this.withheld.has(id) ? [] : [answer],
    );
  }
}

export interface Lived {
  /**
   * What has come of it: after each step, or with the first of the news that comes late, whichever that is;
   * and in the end.
   */
  ends: End[];
  /** The news of each step. */
  sent: News[][];
  /** The numbers of those that the team heard of: the other types are recorded and left alone. */
  heard: number[];
}

/** A team with a paid subscription lives a story, and hears of it in a way. */
export async function live(pool: Pool, steps: readonly Step[], way: Way): Promise<Lived> {
  const side = await StripeSide.start();
  try {
    const team = await Direct.start(pool, side, policy);
    await side.stripe.subscriptions.create({
      customer: side.customerId,
      items: [{ price: priceIds.pro }],
      billing_mode: { type: 'flexible' },
    });
    await team.settle();
    const listener = new Listener(team, way);
    const lived: Lived = { ends: [], sent: [], heard: [] };
    for (const { happens, matters, byTimer } of steps) {
      if (byTimer) await listener.rest();
      await side.listen();
      const before = side.events.length;
      const call = await happens(team);
      await side.listen();
      const events = side.events.slice(before).filter(({ type }) => !type.startsWith('test_'));
      const news = typeof call === 'string' ? [...events, call] : events;
      if (typeof call === 'string') listener.withhold(call);
      lived.sent.push(news);
      if (way.when === 'in the end' || (way.when === 'late' && !matters)) continue;
      const all = lived.sent.flat();
      let left = way.when === 'late' ? 1 : news.length;
      for (const number of way.order ?? all.keys()) {
        const piece = all[number];
        if (piece === undefined || !news.includes(piece)) continue;
        if (left === 0 && piece !== call) continue;
        if (!(await listener.hear(piece))) continue;
        lived.heard.push(number);
        if (piece !== call) left -= 1;
      }
      if (way.when === 'in time') {
        await team.settle();
        lived.ends.push(await endOf(pool, team));
      } else if (!way.overlaps) await listener.rest();
    }
    if (way.when !== 'in time') {
      const all = lived.sent.flat();
      for (const number of way.order ?? all.keys()) {
        const piece = all[number];
        if (piece === undefined || !(await listener.hear(piece)) || lived.ends.length > 0) continue;
        await listener.rest();
        lived.ends.push(await endOf(pool, team));
      }
      await team.settle();
    }
    if (way.doubled) {
      await team.turn(...team.taken.filter(({ kind }) => kind === 'hint').toReversed());
    }
    await arrive(team);
    lived.ends.push(await endOf(pool, team));
    return lived;
  } finally {
    await side.close();
  }
}
