import type { Load, LoadMessage, LoadResult } from './load/load.js';
import { cpuSeconds, familyCpuSeconds, residentMb } from './processStats.js';
import type { Server, ServerOptions, Side } from './sides.js';
import type { Stage } from './stage.js';
import { countEvents, verify, verifyCount } from './verify.js';
import { verifyGroups } from './verifyGroups.js';

/** What a side did under a load. Processor time is in cores, memory in MB, times in ms. */
export interface Measured {
  perSecond: number;
  p50: number;
  p99: number;
  serverCpu: number;
  postgresCpu: number;
  loadCpu: number;
  /** Of the server (the largest of several), at equal intervals while it was measured. */
  memory: number[];
  /** When it was over, in microseconds of the machine's monotonic clock. */
  endedAt: number;
}

const SAMPLE_MS = 100;

export type Work = Omit<Load, 'urls' | 'apiKey'>;

/**
 * Starts servers of a side afresh, puts a load on them, and stops them; then what is on disk is
 * compared with what was answered. Throws when that differs.
 */
export async function measure(
  stage: Stage,
  side: Side,
  work: Work,
  options: ServerOptions = {},
  processes = 1,
): Promise<Measured> {
  const before = await countEvents(side.ledger, side.table);
  await stage.checkpoint();
  const servers: Server[] = [];
  for (let index = 0; index < processes; index += 1) servers.push(await side.start(options));
  const urls = servers.map(({ url }) => url);
  try {
    const load = { ...work, urls, apiKey: side.apiKey };
    const { result, measured } = await underLoad(stage, servers, load);
    await stopAll(servers);
    await check(side, before, work, result);
    if (side.name === 'Tagih' && work.groupKeys.length > 0) {
      const server = await side.start(options);
      servers.push(server);
      await verifyGroups(side, server, work.groupKeys);
    }
    return measured;
  } finally {
    await stopAll(servers);
  }
}

async function stopAll(servers: Server[]): Promise<void> {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
}

async function check(side: Side, before: number, { kind }: Work, result: LoadResult) {
  if (kind === 'webhook') return verifyCount(side.ledger, side.table, before, result);
  const none = { ...result, acknowledged: 0, inFlight: 0 };
  await verify(side.ledger, before, kind === 'access' ? none : result);
}

/** Follows the load generator through one load, and the processor and memory meanwhile. */
async function underLoad(
  stage: Stage,
  servers: Server[],
  load: Load,
): Promise<{ result: LoadResult; measured: Measured }> {
  const generator = stage.run({ script: 'bench/usage/load/main.js', name: 'load', env: {} });
  const processorTime = () => ({
    at: Number(process.hrtime.bigint()) / 1e9,
    server: servers.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0),
    postgres: familyCpuSeconds(stage.postgresPid),
    load: cpuSeconds(generator.pid),
  });
  const memory: number[] = [];
  let sampling: NodeJS.Timeout | undefined;
  let begin = processorTime();
  let end = begin;
  const finished = Promise.withResolvers<LoadResult>();
  generator.child.on('message', (message: LoadMessage) => {
    if (message.kind === 'measuring') {
      begin = processorTime();
      sampling = setInterval(() => {
        memory.push(Math.max(...servers.map(({ pid }) => residentMb(pid))));
      }, SAMPLE_MS);
    }
    if (message.kind === 'measured') {
      end = processorTime();
      clearInterval(sampling);
    }
    if (message.kind === 'result') finished.resolve(message.result);
    if (message.kind === 'failed') finished.reject(new Error(message.reason));
  });
  generator.child.send(load);
  try {
    const ended = servers.map(({ failed }) => failed);
    const result = await Promise.race([finished.promise, generator.failed, ...ended]);
    const cores = (what: 'server' | 'postgres' | 'load') =>
      (end[what] - begin[what]) / (end.at - begin.at);
    const { perSecond, p50, p99 } = result;
    const measured = {
      ...{ perSecond, p50, p99, memory, endedAt: end.at * 1e6 },
      serverCpu: cores('server'),
      postgresCpu: cores('postgres'),
      loadCpu: cores('load'),
    };
    return { result, measured };
  } finally {
    clearInterval(sampling);
    await generator.stop();
  }
}
