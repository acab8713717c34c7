/** What the load generator is asked to do. */
export interface Load {
  /** The servers, which share the connections. */
  urls: string[];
  /** An API key; for events of Stripe the secret that signs them. */
  apiKey: string;
  connections: number;
  kind: 'single' | 'batch' | 'access' | 'webhook';
  /** Teams are chosen at random of this many; each batch goes around all of them in turn. */
  teams: number;
  /** Events of one batch. */
  batchSize: number;
  /** Metadata keys of each event, each with one of 50 values. */
  groupKeys: readonly string[];
  /** Requests a second, evenly paced; without it each connection sends as fast as it is answered. */
  rate?: number;
  /** Before anything is counted. */
  warmUpSeconds: number;
  until: { seconds: number } | { events: number };
}

/** What came of it. Latencies are of requests, in milliseconds. */
export interface LoadResult {
  /** Events a second within the measured time; for access, answers. */
  perSecond: number;
  p50: number;
  p99: number;
  /** All events that were answered with success, those of the warm-up included. */
  acknowledged: number;
  /** Events that had no answer yet when the load was stopped. */
  inFlight: number;
  /** The highest total that any answer showed, by team. */
  highest: [teamId: string, usedTokens: number][];
}

/** What the process of the load generator says. */
export type LoadMessage =
  | { kind: 'measuring' }
  | { kind: 'measured' }
  | { kind: 'result'; result: LoadResult }
  | { kind: 'failed'; reason: string };

export const teamName = (index: number): string => `team-${String(index).padStart(5, '0')}`;
