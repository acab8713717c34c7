import { randomUUID } from 'node:crypto';
import { signedEvent } from './events.js';
import { type Load, teamName } from './load.js';

export interface TrafficRequest {
  method: 'GET' | 'POST';
  path: string;
  headers: Record<string, string>;
  body: string;
  teamId: string;
  /** Events in it; an access request counts as one. */
  events: number;
}

const VALUES = 50;
const TOKENS = 20;

const below = (end: number) => Math.floor(Math.random() * end);

/** Makes the requests of a load and keeps account of what was answered. */
export class Traffic {
  acknowledged = 0;
  sent = 0;
  readonly highest = new Map<string, number>();
  private readonly prefix = randomUUID();
  private key = 0;

  constructor(
    private readonly load: Pick<Load, 'apiKey' | 'kind' | 'teams' | 'batchSize' | 'groupKeys'>,
  ) {}

  next(): TrafficRequest {
    const { kind, teams, batchSize, apiKey } = this.load;
    const team = below(teams);
    const teamId = teamName(team);
    const events = kind === 'batch' ? batchSize : 1;
    this.sent += events;
    if (kind === 'webhook') {
      this.key += 1;
      const id = `evt_${this.prefix}_${this.key}`;
      const signed = signedEvent(id, `cus_${teamId}`, apiKey);
      return { method: 'POST', path: '/api/webhooks/stripe', ...signed, teamId, events };
    }
    const headers = { authorization: `Bearer ${apiKey}` };
    if (kind === 'access') {
      const path = `/api/v1/teams/${teamId}/access`;
      return { method: 'GET', path, headers, body: '', teamId, events };
    }
    if (kind === 'single') {
      const body = this.event(teamId);
      return { method: 'POST', path: '/api/v1/usage', headers, body, teamId, events };
    }
    // Around all teams: a batch of 1,000 over 1,000 teams holds each of them once.
    const inTurn = teams <= batchSize;
    const bodies = Array.from({ length: batchSize }, (_, index) =>
      this.event(teamName(inTurn ? (team + index) % teams : below(teams))),
    );
    const body = `{"events":[${bodies.join(',')}]}`;
    return { method: 'POST', path: '/api/v1/usage/batch', headers, body, teamId, events };
  }

  /** Throws when the answer is anything but success for every event. */
  answered(request: TrafficRequest, status: number, body: string): void {
    if (status !== 200) throw new Error(`${request.path} answered ${status}: ${body}`);
    if (this.load.kind === 'single') this.single(request.teamId, body);
    if (this.load.kind === 'batch') this.batch(request, body);
    this.acknowledged += request.events;
  }

  /** By search: parsing each answer would take processor time that the servers need. */
  private single(teamId: string, body: string): void {
    const used = /"usedTokens":(\d+)/.exec(body)?.[1];
    if (used === undefined || !body.includes('"result":"recorded"')) {
      throw new Error(`An event was not recorded: ${body}`);
    }
    this.saw(teamId, Number(used));
  }

  private batch({ path, events }: TrafficRequest, body: string): void {
    const { results, totals } = JSON.parse(body) as {
      results: { result: string }[];
      totals: { teamId: string; usedTokens: number }[];
    };
    const bad = results.find(({ result }) => result !== 'recorded');
    if (bad !== undefined || results.length !== events) {
      throw new Error(`${path} answered ${results.length} results, ${JSON.stringify(bad)}`);
    }
    for (const { teamId, usedTokens } of totals) this.saw(teamId, usedTokens);
  }

  private saw(teamId: string, usedTokens: number): void {
    if (usedTokens > (this.highest.get(teamId) ?? 0)) this.highest.set(teamId, usedTokens);
  }

  private event(teamId: string): string {
    this.key += 1;
    const metadata = this.load.groupKeys.map((key) => `"${key}":"value-${below(VALUES)}"`);
    const rest = metadata.length === 0 ? '' : `,"metadata":{${metadata.join(',')}}`;
    const tokens = 1 + below(TOKENS);
    return `{"teamId":"${teamId}","idempotencyKey":"${this.prefix}-${this.key}","tokens":${tokens}${rest}}`;
  }
}
