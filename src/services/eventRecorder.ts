import { enqueue } from '../db/outbox.js';
import { isUnavailable, type Pool, type Queryable, transaction } from '../db/pool.js';
import { holdTeams, insertStripeEvents, type StripeEvent } from '../db/stripeEvents.js';
import { stripeEventWorkflowId } from '../domain/workflowIds.js';
import { GroupCommit } from './groupCommit.js';
import { hintOf, isOfNobody } from './stripeEvents.js';

export type Acceptance = 'accepted' | 'duplicate' | 'parked' | 'ignored';

/**
 * Stores the events of all deliveries, many in a commit, each with the fact that it leads to (R15): on
 * disk before it is answered, and once however often it comes (R17).
 */
export class EventRecorder {
  private readonly known: GroupCommit<StripeEvent, Acceptance | null>;
  private readonly unknown: GroupCommit<StripeEvent, Acceptance>;

  /** `onFacts` hears that facts wait, once they are committed. */
  constructor(
    private readonly pool: Pool,
    private readonly onFacts: () => void,
  ) {
    const ownerOf = ({ id }: StripeEvent) => id;
    this.known = new GroupCommit((events) => this.deliver(events), ownerOf, isUnavailable);
    this.unknown = new GroupCommit((events) => this.park(events), ownerOf, isUnavailable);
  }

  /**
   * What became of an event, once it is committed. One of a team that nobody knows is parked until the
   * team appears (R18); of a dispute it is looked for meanwhile. Throws `Overloaded`.
   */
  async accept(event: StripeEvent): Promise<Acceptance> {
    return (await this.known.submit(event)) ?? this.unknown.submit(event);
  }

  /** One statement, and so one transaction. Null for an event of nobody: nothing is kept of it yet. */
  private async deliver(events: readonly StripeEvent[]): Promise<(Acceptance | null)[]> {
    const { stored, ofNobody } = await this.insert(this.pool, events, 'leave');
    if (stored.size > 0) this.onFacts();
    return events.map((event) => {
      if (ofNobody.has(event.id)) return null;
      if (!stored.delete(event.id)) return 'duplicate';
      return event.ignored ? 'ignored' : 'accepted';
    });
  }

  /** The team may have appeared since: it is looked for again while none can (R18). */
  private async park(events: readonly StripeEvent[]): Promise<Acceptance[]> {
    const { stored, ofNobody } = await transaction(this.pool, async (db) => {
      await holdTeams(db);
      const inserted = await this.insert(db, events, 'park');
      for (const event of events.filter(isOfNobody)) {
        if (!inserted.stored.has(event.id) || !inserted.ofNobody.has(event.id)) continue;
        await enqueue(db, stripeEventWorkflowId(event.id), hintOf(event));
      }
      return inserted;
    });
    if (stored.size > 0) this.onFacts();
    return events.map(({ id }) => {
      if (!stored.delete(id)) return 'duplicate';
      return ofNobody.has(id) ? 'parked' : 'accepted';
    });
  }

  /** In one order, so that two servers' commits wait for each other and never in a circle. */
  private insert(db: Queryable, events: readonly StripeEvent[], unknown: 'leave' | 'park') {
    const byId = new Map(events.map((event) => [event.id, { ...event, fact: hintOf(event) }]));
    const sorted = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    return insertStripeEvents(db, sorted, unknown);
  }
}
