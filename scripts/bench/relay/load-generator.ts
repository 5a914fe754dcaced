/** The load generator's process as the bench sees it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Scope } from '../../../test/support/scope.ts';
import { within } from '../../../test/support/wait.ts';
import type { Call, CallCounts, GeneratorOptions } from './generator.ts';
import type { Answer, Measured, Numbered, Order } from './orders.ts';

/** Longer than the longest drain. */
const ANSWER_MS = 60_000;

const PROGRAM = fileURLToPath(new URL('./generator-process.js', import.meta.url));

export class LoadGenerator {
  /** Where caller and callee of each slot expect RTP. */
  readonly ports: readonly (readonly [number, number])[];
  readonly options: GeneratorOptions;
  readonly #child: ChildProcess;
  readonly #ask: Ask;

  /** Ends with its scope. */
  static async start(scope: Scope, options: GeneratorOptions): Promise<LoadGenerator> {
    // A session of its own, so that its priority is its own, too.
    const child = fork(PROGRAM, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
    const exited = once(child, 'exit');
    scope.defer(async () => {
      child.kill('SIGKILL');
      await exited;
    });
    const ask = new Ask(child);
    const { ports } = await ask.order('open', { kind: 'open', options });
    return new LoadGenerator(child, ask, ports, options);
  }

  private constructor(child: ChildProcess, ask: Ask, ports: LoadGenerator['ports'], options: GeneratorOptions) {
    this.#child = child;
    this.#ask = ask;
    this.ports = ports;
    this.options = options;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async startCalls(calls: readonly Call[]): Promise<void> {
    await this.#ask.order('start', { kind: 'start', calls });
  }

  /** What each of them has sent, and what of it arrived, `drainMs` after the last packet at the latest. */
  async stopCalls(slots: readonly number[], drainMs: number): Promise<readonly CallCounts[]> {
    return (await this.#ask.order('stop', { kind: 'stop', slots, drainMs })).counts;
  }

  /** Counts anew, and the CPU time of these processes; with an interval, also at another pace from now on. */
  async mark(pids: readonly number[], rtpIntervalUs?: number): Promise<void> {
    await this.#ask.order('mark', { kind: 'mark', pids, rtpIntervalUs });
  }

  /** Ends all calls; those of a resumable one go on with the next `mark`. */
  async finish(resumable = false): Promise<Measured> {
    return (await this.#ask.order('finish', { kind: 'finish', resumable })).measured;
  }
}

/** Orders and their answers, by number. */
class Ask {
  readonly #child: ChildProcess;
  readonly #open = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  #lastId = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (message) => {
      const { id, message: answer } = message as Numbered<Answer>;
      this.#open.get(id)?.resolve(answer);
      this.#open.delete(id);
    });
    child.once('exit', (code, signal) => {
      for (const { reject } of this.#open.values()) {
        reject(new Error(`the load generator ended (${signal ?? code})`));
      }
    });
  }

  async order<K extends Answer['kind']>(kind: K, message: Order & { kind: K }): Promise<Extract<Answer, { kind: K }>> {
    const id = ++this.#lastId;
    const answered = new Promise<Answer>((resolve, reject) => this.#open.set(id, { resolve, reject }));
    this.#child.send({ id, message } satisfies Numbered<Order>);
    const answer = await within(`the load generator's answer to "${kind}"`, ANSWER_MS, answered);
    return answer as Extract<Answer, { kind: K }>;
  }
}
