import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { Activities } from '../../activities/index.js';
import type { Call } from '../../src/domain/calls.js';
import type { Fact } from '../../src/domain/team.js';

// Calls fail on purpose.
const silent = new DefaultLogger('ERROR', () => {});

/** Makes a team's calls to Stripe with the activities alone: what workflows/calls.ts does, without Temporal. */
export class DirectCalls {
  private readonly environment = new MockActivityEnvironment({}, { logger: silent });

  constructor(
    private readonly teamId: string,
    private readonly activities: Activities,
  ) {}

  async make(call: Call): Promise<Fact> {
    const { activities, teamId } = this;
    switch (call.kind) {
      case 'read': {
        const truth = await this.run(() => activities.readTeam({ teamId, ...call }));
        return { kind: 'read', number: call.reading.number, truth };
      }
      case 'attempt': {
        const { invoiceId, attempt } = call;
        const outcome = await this.run(() => activities.attemptPayment(call));
        return { kind: 'attempted', invoiceId, number: attempt.number, outcome };
      }
      case 'write_off': {
        const refused = await this.run(() => activities.writeOff(call.invoiceId));
        return { kind: 'written_off', invoiceId: call.invoiceId, refused };
      }
      case 'hold': {
        const refused = await this.run(() => activities.holdInvoice(call.invoiceId));
        return { kind: 'held', invoiceId: call.invoiceId, refused };
      }
      case 'settle':
        await this.run(() => activities.settleUsage(teamId));
        return { kind: 'settled', number: call.number };
    }
  }

  private run<T>(call: () => Promise<T>): Promise<T> {
    return this.environment.run<[], T, () => Promise<T>>(call);
  }
}
