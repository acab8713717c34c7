import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Close } from './db/closes.js';
import type { Waiting } from './db/waiting.js';
import { type CloseProgress, closeProgress } from './domain/closeProgress.js';

export type Metrics = ReturnType<typeof createMetrics>;

/** What the processes of Tagih count, for Prometheus. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    /** Measures what waits whenever the metrics are read; NaN while the ledger can't be asked. */
    observeWaiting(measure: () => Promise<Waiting>): void {
      const measureOnce = shared(measure);
      const gauge = (name: string, help: string, what: keyof Waiting) =>
        new Gauge({
          name,
          help,
          registers,
          async collect() {
            const waiting = await measureOnce();
            this.set(waiting?.[what] ?? Number.NaN);
          },
        });
      gauge('tagih_outbox_facts', 'Facts that wait for Temporal', 'facts');
      gauge('tagih_outbox_oldest_seconds', 'Age of the fact that waits longest', 'oldestSeconds');
      gauge('tagih_outbox_failing_workflows', 'Workflows that are not reached', 'workflowsFailing');
      gauge('tagih_stripe_events_parked', 'Events whose team nobody knows (R18)', 'parkedEvents');
      gauge(
        'tagih_payment_attempts_stopped',
        'Unpaid invoices that Stripe refused to try, until a fact or an operator comes (R28)',
        'stoppedAttempts',
      );
      gauge('tagih_usage_billings_failed', 'Records that Stripe has refused', 'failedRecords');
    },
    /** Measures the closes that run whenever the metrics are read; there are none while none runs. */
    observeCloses(measure: () => Promise<Close[]>): void {
      const measureOnce = shared(measure);
      const gauge = (name: string, help: string, of: (progress: CloseProgress) => number | null) =>
        new Gauge({
          name,
          help,
          labelNames: ['period'] as const,
          registers,
          async collect() {
            this.reset();
            const now = new Date();
            for (const { period, counts } of (await measureOnce()) ?? []) {
              const value = of(closeProgress(counts, now));
              if (value !== null) this.set({ period }, value);
            }
          },
        });
      gauge('tagih_close_percent', 'How far a close is', ({ percent }) => percent);
      gauge('tagih_close_records', 'Records of its stage', ({ total }) => total);
      gauge('tagih_close_records_done', 'Those that are written, or billed', ({ done }) => done);
      gauge(
        'tagih_close_records_per_second',
        'At which rate, since the stage began',
        ({ perSecond }) => perSecond,
      );
      gauge(
        'tagih_close_expected_end_seconds',
        'When it ends at that rate, in seconds since 1970',
        ({ expectedEnd }) => expectedEnd && expectedEnd.getTime() / 1_000,
      );
    },
    requests: new Histogram({
      name: 'tagih_http_request_seconds',
      help: 'Time to answer a request',
      labelNames: ['method', 'route', 'status'] as const,
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers,
    }),
    webhooks: new Counter({
      name: 'tagih_stripe_events_total',
      help: 'Events of Stripe by what became of them: accepted, duplicate, parked, ignored, forged, malformed',
      labelNames: ['result'] as const,
      registers,
    }),
    foreignVersions: new Counter({
      name: 'tagih_stripe_events_of_another_version_total',
      help: 'Events of another API version than the pinned one (R19)',
      labelNames: ['version'] as const,
      registers,
    }),
  };
}

/** All gauges of one reading share a measurement. Without Postgres the others are read all the more. */
function shared<T>(measure: () => Promise<T>): () => Promise<T | undefined> {
  let measuring: Promise<T | undefined> | undefined;
  return () => {
    measuring ??= measure()
      .catch(() => undefined)
      .finally(() => {
        measuring = undefined;
      });
    return measuring;
  };
}
