import { CancellationScope } from '@temporalio/workflow';
import type { Call } from '../src/domain/calls.js';
import type { Instant } from '../src/domain/instant.js';
import type { Fact } from '../src/domain/team.js';
import { stripe } from './proxies.js';

const now = (): Instant => new Date().toISOString();

/**
 * Keeps the calls to Stripe under way that a team's state asks for, beside the loop that takes
 * facts: none blocks it, each comes back as a fact, and one that the state no longer asks for is
 * cancelled between its tries (R26, R28).
 */
export class Calls {
  private readonly scopes = new Map<string, CancellationScope>();
  /** Since when the calls that have had no answer for ten minutes have had none. */
  private readonly withoutAnswer: Map<string, Instant>;

  constructor(
    private readonly teamId: string,
    private readonly report: (fact: Fact) => void,
    private readonly onChange: () => void,
    { failing, failingSince = now() }: { failing: readonly string[]; failingSince?: Instant },
  ) {
    this.withoutAnswer = new Map(failing.map((id) => [id, failingSince]));
  }

  /** The calls that have had no answer for ten minutes. */
  get failing(): string[] {
    return [...this.withoutAnswer.keys()];
  }

  /** Since when Stripe has not answered; null where no call has failed for ten minutes. */
  get failingSince(): Instant | null {
    return [...this.withoutAnswer.values()].toSorted()[0] ?? null;
  }

  /** Starts and cancels until the calls under way are the wanted ones. */
  steer(wanted: readonly Call[]): void {
    const ids = new Set(wanted.map(({ id }) => id));
    for (const [id, scope] of this.scopes) {
      if (ids.has(id)) continue;
      // A finished call stays listed until its fact was taken, lest it be made twice.
      this.scopes.delete(id);
      scope.cancel();
    }
    for (const id of this.withoutAnswer.keys()) if (!ids.has(id)) this.withoutAnswer.delete(id);
    for (const call of wanted) if (!this.scopes.has(call.id)) this.start(call);
  }

  private start(call: Call): void {
    const scope = new CancellationScope();
    this.scopes.set(call.id, scope);
    scope
      .run(() => this.untilAnswered(call, scope))
      .then(this.report)
      .catch((error: unknown) => {
        if (!scope.consideredCancelled) throw error;
      });
  }

  private async untilAnswered(call: Call, scope: CancellationScope): Promise<Fact> {
    const since = this.withoutAnswer.get(call.id) ?? now();
    for (;;) {
      try {
        const answer = await make(this.teamId, call);
        if (this.withoutAnswer.delete(call.id)) this.onChange();
        return answer;
      } catch (error) {
        // Not by the error: a try that was under way when it was cancelled fails with one of its own.
        if (scope.consideredCancelled) throw error;
        this.withoutAnswer.set(call.id, since);
        this.onChange();
      }
    }
  }
}

async function make(teamId: string, call: Call): Promise<Fact> {
  switch (call.kind) {
    case 'read': {
      const { number } = call.reading;
      const summary = `Read ${call.customerId ?? 'the customer'} (${call.reading.cause})`;
      const { readTeam } = stripe;
      const truth = await readTeam.executeWithOptions({ summary }, [{ teamId, ...call }]);
      return { kind: 'read', number, truth };
    }
    case 'attempt': {
      const { invoiceId, attempt } = call;
      const { number } = attempt;
      const summary = `Attempt ${number} to pay ${invoiceId}, by ${attempt.by}`;
      const outcome = await stripe.attemptPayment.executeWithOptions({ summary }, [call]);
      return { kind: 'attempted', invoiceId, number, outcome };
    }
    case 'write_off': {
      const { invoiceId } = call;
      const summary = `Mark ${invoiceId} uncollectible`;
      const refused = await stripe.writeOff.executeWithOptions({ summary }, [invoiceId]);
      return { kind: 'written_off', invoiceId, refused };
    }
    case 'hold': {
      const { invoiceId } = call;
      const summary = `Keep Stripe from retrying ${invoiceId}`;
      const refused = await stripe.holdInvoice.executeWithOptions({ summary }, [invoiceId]);
      return { kind: 'held', invoiceId, refused };
    }
    case 'settle': {
      const summary = 'See whether usage was billed with an invoice';
      await stripe.settleUsage.executeWithOptions({ summary }, [teamId]);
      return { kind: 'settled', number: call.number };
    }
  }
}
