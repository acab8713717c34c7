import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from '@temporalio/client';
import type { Settings } from './config.js';

/** How to reach Temporal: plainly on this machine, by key or certificate where it is hosted. */
export function temporalConnection(
  settings: Pick<
    Settings,
    'TEMPORAL_ADDRESS' | 'TEMPORAL_API_KEY' | 'TEMPORAL_TLS_CERT' | 'TEMPORAL_TLS_KEY'
  >,
) {
  const { TEMPORAL_API_KEY: apiKey, TEMPORAL_TLS_CERT: cert, TEMPORAL_TLS_KEY: key } = settings;
  return {
    address: settings.TEMPORAL_ADDRESS,
    ...(apiKey !== undefined && { apiKey, tls: true }),
    ...(cert !== undefined &&
      key !== undefined && {
        tls: { clientCertPair: { crt: readFileSync(cert), key: readFileSync(key) } },
      }),
  } satisfies ConnectionOptions;
}
