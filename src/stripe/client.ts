import Stripe from 'stripe';
import { type Pace, pacedClient } from './pace.js';

/** The version that the SDK's types describe; events of others are taken as hints all the same (R19). */
export const API_VERSION = '2026-10-28.endive' satisfies typeof Stripe.API_VERSION;

/**
 * A client of Stripe. It tries nothing twice: Temporal does, visibly, and with the same key (R35).
 * `apiBase` is for stand-ins, `http://host:port`; where `pace` is given, requests wait for their turn.
 */
export function createStripe(secretKey: string, apiBase: string | undefined, pace?: Pace): Stripe {
  const base = apiBase === undefined ? undefined : new URL(apiBase);
  return new Stripe(secretKey, {
    apiVersion: API_VERSION,
    maxNetworkRetries: 0,
    timeout: 20_000,
    telemetry: false,
    ...(pace && { httpClient: pacedClient(pace) }),
    ...(base && {
      host: base.hostname,
      port: base.port,
      protocol: base.protocol === 'http:' ? 'http' : 'https',
    }),
  });
}
