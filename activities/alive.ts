import { heartbeat } from '@temporalio/activity';

/** Often enough for the shortest heartbeat time-out of workflows/proxies.ts. */
const HEARTBEAT_MS = 10_000;

/** Says that the worker is alive while a call takes its time: one that died is noticed by its silence. */
export async function alive<T>(call: () => Promise<T>): Promise<T> {
  const beating = setInterval(() => heartbeat(), HEARTBEAT_MS);
  try {
    return await call();
  } finally {
    clearInterval(beating);
  }
}
