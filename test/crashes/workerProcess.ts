import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../../src/config.js';
import type { TeamState } from '../../src/domain/team.js';

interface Work {
  settings: Settings;
  /** The file of the bundled workflows. */
  workflowBundle: string;
  /** By how much the worker's clock is ahead, in milliseconds. */
  ahead: number;
}

/** Where a workflow is held: before a step is taken, or when it was and nobody has heard of it. */
export interface Hold {
  workflowId: string;
  step: string;
  when: 'before' | 'after';
  /** Of the team, as it is now. */
  state: TeamState;
}

/** What a worker's process is told. */
export type Message = ({ kind: 'work' } & Work) | { kind: 'hold'; holds: readonly Hold[] };

/** A worker that can be killed. Its code is loaded ahead, so that it works at once when another was killed. */
export class WorkerProcess {
  /** The workflows that are held. */
  readonly held = new Set<string>();
  private readonly child: ChildProcess;
  private readonly ready: Promise<unknown>;
  private readonly exited: Promise<unknown>;

  constructor() {
    const file = fileURLToPath(new URL('worker.ts', import.meta.url));
    this.child = fork(file, { execArgv: ['--import', import.meta.resolve('tsx')] });
    this.ready = this.says('ready');
    this.exited = once(this.child, 'exit');
    // One that is killed before it was needed.
    this.ready.catch(() => {});
    this.child.on('message', (message: { held?: string }) => {
      if (message.held !== undefined) this.held.add(message.held);
    });
  }

  /** Works when it is over. */
  async work(work: Work): Promise<void> {
    await this.ready;
    const works = this.says('works');
    this.send({ kind: 'work', ...work });
    await works;
  }

  async hold(holds: readonly Hold[]): Promise<void> {
    await this.ready;
    const heard = this.says('holds');
    this.send({ kind: 'hold', holds });
    await heard;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  private send(message: Message): void {
    this.child.send(message);
  }

  private says(word: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.child.once('exit', () => reject(new Error('a worker has ended by itself')));
      this.child.on('message', (message) => message === word && resolve());
    });
  }
}
