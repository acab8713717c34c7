import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { send } from './load/send.js';
import { Traffic, type TrafficRequest } from './load/traffic.js';
import { TEAMS } from './sides.js';

/** What the clients were told. */
export interface Heard {
  acknowledged: number;
  retries: number;
  highest: Map<string, number>;
}

const RETRY_MS = 100;

/**
 * Clients that send single events one after the other, each until it is acknowledged, to whatever
 * `url` says at the time.
 */
export class PersistentClients {
  private readonly heard: Heard = { acknowledged: 0, retries: 0, highest: new Map() };
  private readonly traffic: Traffic;
  private readonly agent: Agent;
  private readonly running: Promise<unknown>;
  private finishing = false;

  constructor(
    connections: number,
    apiKey: string,
    private readonly url: () => string,
  ) {
    const work = { kind: 'single', teams: TEAMS, batchSize: 1, groupKeys: [] } as const;
    this.traffic = new Traffic({ apiKey, ...work });
    this.agent = new Agent({ keepAlive: true, maxSockets: connections });
    this.running = Promise.all(Array.from({ length: connections }, () => this.run()));
  }

  /** Waits, and throws as soon as an answer is wrong. */
  async goOnFor(ms: number): Promise<void> {
    await Promise.race([delay(ms), this.running]);
  }

  /** Ends when all that was sent is acknowledged. */
  async finish(): Promise<Heard> {
    this.finishing = true;
    await this.running;
    this.agent.destroy();
    return this.heard;
  }

  private async run(): Promise<void> {
    while (!this.finishing) {
      const event = this.traffic.next();
      while (!(await this.isAcknowledged(event))) {
        this.heard.retries += 1;
        await delay(RETRY_MS);
      }
      this.heard.acknowledged += 1;
    }
  }

  private async isAcknowledged(event: TrafficRequest): Promise<boolean> {
    const { highest } = this.heard;
    const least = highest.get(event.teamId) ?? 0;
    const answer = await send(this.agent, this.url(), event).catch(() => undefined);
    if (answer === undefined || answer.status === 503) return false;
    if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${answer.body}`);
    const { usedTokens } = JSON.parse(answer.body) as { usedTokens: number };
    // Asked after an answer had shown `least`: a lower total would take back what was told.
    if (usedTokens < least) throw new Error(`a total fell from ${least} to ${usedTokens}`);
    highest.set(event.teamId, Math.max(usedTokens, highest.get(event.teamId) ?? 0));
    return true;
  }
}
