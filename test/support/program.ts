/** Programs that a test starts: their output by lines, their end, and no survivors. */
import { spawn } from 'node:child_process';
import { atAbruptEnd } from './abrupt-end.ts';
import type { Scope } from './scope.ts';
import { processesOfRun, RUN_VARIABLE, type RunningProcess } from './survivors.ts';
import { waitFor, within } from './wait.ts';

export interface ProgramOptions {
  /** The program and its arguments; no shell. */
  readonly command: readonly [string, ...string[]];
  /** Short name for messages; the command's first word unless told. */
  readonly name?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Network namespace to run in. */
  readonly namespace?: string | undefined;
}

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Output kept for messages and `waitForLine`; a program that floods loses its oldest lines. */
const MAX_LINES = 20_000;

/** Tells the programs of one test apart. */
let started = 0;

export class Program {
  readonly name: string;
  readonly pid: number;
  /** When it was started, as `performance.now()` tells it. */
  readonly startedAt: number;
  readonly exited: Promise<ProgramEnd>;
  readonly #cookie: string;
  readonly #lines: string[] = [];
  readonly #watchers = new Set<(line: string) => void>();
  readonly #write: (text: string) => void;
  readonly #endInput: () => void;
  #end: ProgramEnd | undefined;

  /** Starts the program as leader of a process group of its own; the scope stops it and looks for survivors. */
  static start(scope: Scope, options: ProgramOptions): Program {
    const cookie = `${scope.runId}/${++started}`;
    const program = new Program(cookie, options);
    const forget = atAbruptEnd(() => program.signalGroup('SIGTERM'));
    void program.exited.then(forget);
    scope.defer(async () => {
      await program.stop();
      const left = await program.#survivors();
      if (left.length > 0) {
        throw new Error(`${program.name} left processes behind:\n${left.join('\n')}`);
      }
    });
    return program;
  }

  private constructor(cookie: string, { command, name, cwd, env, namespace }: ProgramOptions) {
    const [file, ...args] =
      namespace === undefined ? command : (['ip', 'netns', 'exec', namespace, ...command] as const);
    this.name = name ?? command[0];
    this.#cookie = cookie;
    this.startedAt = performance.now();
    const child = spawn(file, args, {
      cwd,
      env: { ...cleanEnvironment(), ...env, [RUN_VARIABLE]: cookie },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.pid = child.pid ?? 0;
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#addLine(`cannot start ${file}: ${error.message}`);
        this.#end = { code: 127, signal: null };
        resolve(this.#end);
      });
      // "close", not "exit": the last lines have been read by then.
      child.once('close', (code, signal) => {
        this.#end = { code, signal };
        resolve(this.#end);
      });
    });
    child.stdin.on('error', () => {});
    this.#write = (text) => child.stdin.write(text);
    this.#endInput = () => child.stdin.end();
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        const parts = (rest + chunk).split(/\r?\n/);
        rest = parts.pop() ?? '';
        parts.forEach((line) => {
          this.#addLine(line);
        });
      });
      stream.on('end', () => rest !== '' && this.#addLine(rest));
    }
  }

  /** Everything printed so far, standard output and error together. */
  get output(): string {
    return this.#lines.join('\n');
  }

  get running(): boolean {
    return this.#end === undefined;
  }

  /** The program and everything that it started and that still runs. */
  processes(): RunningProcess[] {
    return processesOfRun(this.#cookie);
  }

  /** Types into the program's standard input. */
  write(text: string): void {
    this.#write(text);
  }

  /** Closes the program's standard input. */
  endInput(): void {
    this.#endInput();
  }

  /** The first line, past or to come, that matches. Fails at once when the program ends without it. */
  async waitForLine(pattern: RegExp, timeoutMs = 30_000): Promise<string> {
    const past = this.#lines.find((line) => pattern.test(line));
    if (past !== undefined) {
      return past;
    }
    let watcher: ((line: string) => void) | undefined;
    const seen = new Promise<string>((resolve) => {
      watcher = (line) => pattern.test(line) && resolve(line);
      this.#watchers.add(watcher);
    });
    const ended = this.exited.then(({ code, signal }) => {
      throw new Error(`${this.name} ended (${signal ?? code}) without a line like ${pattern}:\n${this.#tail()}`);
    });
    try {
      return await within(`a line like ${pattern} from ${this.name}`, timeoutMs, Promise.race([seen, ended]));
    } catch (error) {
      throw this.running ? new Error(`${(error as Error).message}; its last lines:\n${this.#tail()}`) : error;
    } finally {
      ended.catch(() => {});
      if (watcher !== undefined) {
        this.#watchers.delete(watcher);
      }
    }
  }

  async waitForExit(timeoutMs = 15_000): Promise<ProgramEnd> {
    try {
      return await within(`the end of ${this.name}`, timeoutMs, this.exited);
    } catch (error) {
      throw new Error(`${(error as Error).message}; its last lines:\n${this.#tail()}`);
    }
  }

  /** Signals the program alone, as `kill` does. */
  signal(signal: NodeJS.Signals): void {
    kill(this.pid, signal);
  }

  /** Signals the program's group, as Ctrl-C in a terminal does. */
  signalGroup(signal: NodeJS.Signals): void {
    kill(-this.pid, signal);
  }

  /** TERM, then KILL after 12 s, to the group. A program that has already ended is left alone. */
  async stop(): Promise<void> {
    if (!this.running || this.pid === 0) {
      return;
    }
    this.signalGroup('SIGTERM');
    try {
      await this.waitForExit(12_000);
    } catch {
      this.signalGroup('SIGKILL');
      await this.waitForExit();
    }
  }

  /** Processes that outlived the program; they are killed, so that one failure does not become many. */
  async #survivors(): Promise<string[]> {
    try {
      await waitFor('the end of all children', () => this.processes().length === 0, { timeoutMs: 2000 });
      return [];
    } catch {
      const left = this.processes();
      for (const { pid } of left) {
        kill(pid, 'SIGKILL');
      }
      return left.map(({ pid, command }) => `${pid} ${command}`);
    }
  }

  #addLine(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) {
      this.#lines.shift();
    }
    for (const watcher of this.#watchers) {
      watcher(line);
    }
  }

  #tail(): string {
    return this.#lines.slice(-40).join('\n');
  }
}

/** Runs a program to its end and returns what it printed. */
export async function runProgram(
  scope: Scope,
  options: ProgramOptions,
  timeoutMs = 60_000,
): Promise<ProgramEnd & { readonly output: string }> {
  const program = Program.start(scope, options);
  const end = await program.waitForExit(timeoutMs);
  return { ...end, output: program.output };
}

/**
 * Without what `npm test`, the test runner and the developer's shell say to programs: an inner npm would take the
 * outer one's folder for its own, and settings of ours would change what a test shows.
 */
/** What a program of a test is started with: nothing of npm, of the test runner or of ours. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(npm_|INIT_CWD$|NODE_TEST_CONTEXT$|IMS_LAUNCH_|RTPPROXY_|SERVER_IP$|SERVER_PUBLIC_PORT$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

function kill(pid: number, signal: NodeJS.Signals): void {
  if (pid === 0) {
    return; // it could not be started, and 0 would be our own group
  }
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw error;
    }
  }
}
