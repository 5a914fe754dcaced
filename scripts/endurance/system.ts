/** The system that endures: one launcher after another on the same ports, with the same configuration file. */
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { ControlRequest } from '../../src/control/protocol.ts';
import { ControlClient } from '../../src/io/control-client.ts';
import { findSockets, runtimeDirectories } from '../../src/io/runtime-directory.ts';
import { configure, type LaunchPlace, startLauncher } from '../../test/support/launcher.ts';
import { type Program, runProgram } from '../../test/support/program.ts';
import { binary } from '../../test/support/project.ts';
import { createScope } from '../../test/support/scope.ts';
import { waitFor } from '../../test/support/wait.ts';
import type { Random } from './random.ts';

export type Who = 'relay' | 'ims' | 'guardian' | 'launcher';

/** A word of each program's command line. */
const MARKS = {
  relay: 'ims-relay.js',
  ims: 'ims-server.js',
  guardian: 'ims-launch-guardian',
  launcher: 'ims-launch.js',
} as const satisfies Record<Who, string>;

/** Far more than any restart takes, on a machine that does other things, too. */
const WHOLE_LIMIT_MS = 60_000;
const ANSWER_LIMIT_MS = 15_000;

/** Failures follow one another without end here, so neither budgets nor growing delays may end the game. */
const SUPERVISOR = {
  giveUp: 'never',
  restartDelaysMs: [0, 20, 50],
  stableAfterMs: 1000,
  restartBudget: { restarts: 100_000, windowMs: 1000 },
  healthIntervalMs: 1000,
} as const;

/** V8 would rather grow than collect while there is room; here the memory of the process is to show what it holds. */
const COLLECT_EARLY = ['--max-semi-space-size=1', '--heap-growing-percent=10'];

export class SystemUnderTest {
  readonly #place: LaunchPlace;
  readonly #random: Random;
  #program: { readonly launcher: Program; readonly close: () => Promise<void> };

  static async start(place: LaunchPlace, random: Random): Promise<SystemUnderTest> {
    await configure(place, keys(0));
    const system = new SystemUnderTest(place, random);
    await system.untilWhole('the start');
    return system;
  }

  private constructor(place: LaunchPlace, random: Random) {
    this.#place = place;
    this.#random = random;
    this.#program = startProgram(place);
  }

  get launcher(): Program {
    return this.#program.launcher;
  }

  /** Returns whom it met; undefined: nobody of that kind runs at this moment. */
  signal(who: Who, signal: NodeJS.Signals): number | undefined {
    const pid = this.#pidsOf(who)[0];
    if (pid !== undefined) {
      kill(pid, signal);
    }
    return pid;
  }

  continue(pid: number | undefined): void {
    if (pid !== undefined) {
      kill(pid, 'SIGCONT');
    }
  }

  /** Any answer is right, a refusal too; silence is not. */
  async ask(request: ControlRequest): Promise<unknown> {
    const client = await ControlClient.connect(this.#socket());
    try {
      const answer = await client.ask(request, { timeoutMs: ANSWER_LIMIT_MS });
      if (answer === 'timeout' || answer === 'closed') {
        throw new Error(`the launcher did not answer "${request.verb}" (${answer}):\n${this.#tail()}`);
      }
      return answer.ok ? answer.result : undefined;
    } finally {
      client.close();
    }
  }

  /** Noise, a line that never ends, and half a request, by somebody who leaves without a word. */
  async sendGarbage(bytes: number): Promise<void> {
    const noise = Buffer.from(Array.from({ length: bytes }, () => this.#random.below(256)));
    await new Promise<void>((resolve) => {
      const socket = connect(this.#socket());
      socket.on('error', () => {});
      socket.on('close', () => resolve());
      socket.on('data', () => {});
      socket.write(noise);
      socket.write('\n{"v":1,"verb":"sta', () => socket.destroy());
    });
  }

  /** A valid configuration that differs from the last one. */
  async writeConfiguration(): Promise<void> {
    await configure(this.#place, keys(this.#random.below(1000)));
  }

  /** Half a file, as a careless editor leaves it, or a value that is out of range. */
  async writeInvalidConfiguration(): Promise<void> {
    const text = this.#random.pick(['{ "SERVER_ADDR": "127.', '{ "SERVER_PORT": 70000 }', '', '[]']);
    await writeFile(this.#place.configPath, text);
  }

  async startAgain(by: 'stop' | 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.writeConfiguration();
    if (by === 'stop') {
      await this.ask({ verb: 'stop' });
    } else {
      this.launcher.signal(by);
    }
    const { code } = await this.launcher.waitForExit(30_000);
    if (by !== 'SIGKILL' && code !== 0) {
      throw new Error(`ims-launch ended with ${code} after ${by}:\n${this.#tail()}`);
    }
    await this.#expectGone();
    this.#program = startProgram(this.#place);
    await this.untilWhole('a start');
  }

  async stop(): Promise<void> {
    this.launcher.signal('SIGTERM');
    const { code } = await this.launcher.waitForExit(30_000);
    if (code !== 0) {
      throw new Error(`ims-launch ended with ${code} after SIGTERM:\n${this.#tail()}`);
    }
    await this.#expectGone();
  }

  /** At no moment may two relays or two servers of one launcher live. */
  expectOneOfEachKind(when: string): void {
    for (const who of ['relay', 'ims'] as const) {
      const pids = this.#pidsOf(who);
      if (pids.length > 1) {
        throw new Error(`after ${when} there are ${pids.length} of ${who}: ${pids.join(' ')}\n${this.#tail()}`);
      }
    }
  }

  /** Ready, by its own word, with exactly the processes that belong to it. */
  async untilWhole(when: string): Promise<void> {
    const isWhole = async (): Promise<boolean> => {
      if (!this.launcher.running) {
        const { code, signal } = await this.launcher.exited;
        throw new Error(`the launcher ended by itself (${signal ?? code}) before or after ${when}:\n${this.#tail()}`);
      }
      const status = await this.#statusIfAny();
      return status?.verdict === 'ready' && this.launcher.processes().length === Object.keys(MARKS).length;
    };
    await waitFor('a whole system', isWhole, { timeoutMs: WHOLE_LIMIT_MS, intervalMs: 50 }).catch(async (error) => {
      if (!this.launcher.running) {
        throw error;
      }
      const status = JSON.stringify(await this.#statusIfAny());
      const processes = this.launcher.processes().map(({ pid, command }) => `${pid} ${command}`);
      throw new Error(`not ready after ${when}: ${status}\n${processes.join('\n')}\n${this.#tail()}`);
    });
  }

  /** Both services together, in the life of this launcher. */
  async restarts(): Promise<number> {
    const status = await this.#statusIfAny();
    return Object.values(status?.services ?? {}).reduce((sum, { restarts }) => sum + restarts, 0);
  }

  /** @throws Error with what `ims-launch verify` printed */
  async verify(): Promise<void> {
    await this.writeConfiguration();
    const { scope, close } = createScope();
    try {
      const command = [process.execPath, binary('ims-launch'), 'verify', '--config', this.#place.configPath] as const;
      const { code, output } = await runProgram(scope, { name: 'verify', command: [...command] });
      if (code !== 0) {
        throw new Error(`verify fails at the end:\n${output}`);
      }
    } finally {
      await close();
    }
  }

  close(): Promise<void> {
    return this.#program.close();
  }

  async #statusIfAny() {
    const path = this.#socketIfAny();
    if (path === undefined || !this.launcher.running) {
      return undefined;
    }
    return (await this.ask({ verb: 'status' }).catch(() => undefined)) as
      | { verdict: string; services: Record<string, { restarts: number }> }
      | undefined;
  }

  /** Nothing that carries the mark of this launcher; a guardian needs its second after a `kill -9`. */
  async #expectGone(): Promise<void> {
    await waitFor('the end of every process', () => this.launcher.processes().length === 0, { timeoutMs: 15_000 });
    await this.#program.close();
  }

  #pidsOf(who: Who): number[] {
    return this.launcher.processes().flatMap(({ pid, command }) => (command.includes(MARKS[who]) ? [pid] : []));
  }

  #socket(): string {
    const path = this.#socketIfAny();
    if (path === undefined) {
      throw new Error(`there is no control socket:\n${this.#tail()}`);
    }
    return path;
  }

  #socketIfAny(): string | undefined {
    const { directory, configPath, relayPort } = this.#place;
    return findSockets(runtimeDirectories({ XDG_RUNTIME_DIR: directory }), configPath, relayPort)[0];
  }

  #tail(): string {
    return this.launcher.output.split('\n').slice(-60).join('\n');
  }
}

function startProgram(place: LaunchPlace): { launcher: Program; close: () => Promise<void> } {
  const { scope, close } = createScope();
  return { launcher: startLauncher(scope, place, { nodeArgs: COLLECT_EARLY }), close };
}

/** What an operator changes while the system runs: live keys, and with `ims.env` one that restarts the IMS. */
function keys(variant: number): Readonly<Record<string, unknown>> {
  return {
    LOG_LEVEL: ['INFO', 'WARNING', 'DEBUG'][variant % 3],
    SERVER_ADDR: variant % 5 === 0 ? '127.0.0.2' : '127.0.0.1',
    USERS: { 1001: `secret-${variant}`, 1002: 'secret' },
    ims: variant % 7 === 0 ? { env: { VARIANT: String(variant) } } : {},
    supervisor: SUPERVISOR,
  };
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw error;
    }
  }
}
