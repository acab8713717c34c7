import { step } from '../../setup/printer.mjs';
import type { Running } from './processes.js';

/** The processes of this machine: the end of one that nobody asked for is reported, all end together. */
export class Supervisor {
  readonly #running: Running[] = [];
  #ending: Promise<void> | undefined;
  readonly #onCrash: (name: string, how: string) => void;

  constructor(onCrash: (name: string, how: string) => void) {
    this.#onCrash = onCrash;
  }

  /** Starts a process, and shows it as a step with what `detail` says of it. */
  async start<P extends Running>(
    name: string,
    begin: () => Promise<P>,
    detail?: (started: P) => string,
  ): Promise<P> {
    const started = await step(name, 'starting', begin, detail);
    this.#running.push(started);
    started.exited.then((how) => this.#ending ?? this.#onCrash(name, how));
    return started;
  }

  get ending(): boolean {
    return this.#ending !== undefined;
  }

  /** Ends all in the reverse order of their start, each before the one that it needs. */
  end(): Promise<void> {
    this.#ending ??= (async () => {
      for (const running of this.#running.toReversed()) await running.stop();
    })();
    return this.#ending;
  }
}
