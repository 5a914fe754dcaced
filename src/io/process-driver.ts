/**
 * One incarnation of a supervised program: its process group from spawn to extinction. The facts come from the
 * `exit` event, never from the end of its output: a grandchild that holds the pipe would delay that for ever.
 */
import { statSync } from 'node:fs';
import { execa, type Options, type ResultPromise } from 'execa';
import type { SpawnFailure } from '../supervisor/events.ts';
import { IDLE_FLUSH_MS, LineLimit, LineSplitter, MAX_LINES_PER_SECOND } from './process-lines.ts';
import { askToStop, groupExists, killGroup, signalProcess } from './process-signals.ts';
import { livingGroupMembers, processesWithEnvironment } from './process-table.ts';

export interface ChildCommand {
  /** The program and its arguments; no shell is involved. */
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string | undefined;
  /** The whole environment: nothing is inherited beside it. */
  readonly env: Readonly<Record<string, string>>;
  /** One of our own programs, which talks over IPC and never forks. */
  readonly embedded: boolean;
  /** Descriptors of ours that it inherits, as its 3, 4, …; they stay open here. */
  readonly inherits?: readonly number[] | undefined;
  /** How one that is not ours is asked to stop: by which signal, and whether its whole group gets it at once. */
  readonly stop: { readonly signal: NodeJS.Signals; readonly wholeGroup: boolean };
  /** Names of variables in `env` that identify this incarnation among all processes. */
  readonly cookies: readonly string[];
}

export interface ChildListener {
  spawned(pid: number): void;
  spawnFailed(reason: SpawnFailure, detail: string): void;
  /** The leader ended. */
  exited(end: { exitCode: number | undefined; signal: string | undefined; daemonised: boolean }): void;
  /** Nothing lives in its group any more. Comes after `exited`, and last. */
  extinct(): void;
  /** `text` may have colours; `continued`: it goes on where the piece before ended. */
  line(stream: 'stdout' | 'stderr', text: string, continued: boolean): void;
  message(message: unknown): void;
}

/** Between looks at a group whose leader is gone, milliseconds; where each look is a ps, fewer. */
const EXTINCTION_POLL_MS = process.platform === 'linux' ? 25 : 250;

/**
 * How often, and how far apart in milliseconds, the process table is read for daemons: one that executes its program
 * just then shows no environment.
 */
const DAEMON_LOOKS = { count: 4, everyMs: 15 } as const;

/** A leader that ends with status 0 this soon, milliseconds, while others of its run live, has daemonised. */
const DAEMON_WINDOW_MS = 5000;

type Subprocess = ResultPromise<Options>;

export class ChildDriver {
  readonly #listener: ChildListener;
  readonly #command: ChildCommand;
  readonly #spawnedAt = performance.now();
  readonly #signalled = new Set<number>();
  #subprocess: Subprocess | undefined;
  #pid: number | undefined;
  #asked = false;
  #poll: NodeJS.Timeout | undefined;
  #extinct = false;

  constructor(command: ChildCommand, listener: ChildListener) {
    this.#command = command;
    this.#listener = listener;
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  /** Starts the program; every outcome, also of a command that does not exist, reaches the listener. */
  start(): void {
    const { argv, cwd, env, embedded, inherits = [] } = this.#command;
    if (cwd !== undefined && !isDirectory(cwd)) {
      this.#fail('bad-cwd', `its working directory ${cwd} is not a directory`);
      return;
    }
    const [file, ...args] = argv;
    try {
      this.#subprocess = execa(file, args, {
        ...SPAWN_OPTIONS,
        // The types of execa know no plain descriptor above 2; Node takes it, and so does execa.
        stdio: ['ignore', 'pipe', 'pipe', ...inherits] as NonNullable<Options['stdio']>,
        env,
        ...(cwd === undefined ? {} : { cwd }),
        ...(embedded ? { ipc: true, serialization: 'json' as const } : {}),
      }) as Subprocess;
    } catch (error) {
      this.#fail(...spawnFailureOf(error));
      return;
    }
    const subprocess = this.#subprocess;
    subprocess.on('error', () => {
      // A failed spawn is told by the result below; a failed kill or send by its own callback.
    });
    if (subprocess.pid === undefined) {
      void subprocess.then((result) => this.#fail(...spawnFailureOf(result)));
      return;
    }
    this.#pid = subprocess.pid;
    // The promise is not what drives us, but it must not be left to reject unseen either.
    subprocess.then(undefined, () => {});
    subprocess.once('exit', (exitCode, signal) => this.#handleExit(exitCode ?? undefined, signal ?? undefined));
    subprocess.on('message', (message) => this.#listener.message(message));
    this.#readLines('stdout');
    this.#readLines('stderr');
    this.#listener.spawned(subprocess.pid);
  }

  /** False when the program has no IPC channel, or it is closed. */
  send(message: object): boolean {
    const subprocess = this.#subprocess;
    if (!this.#command.embedded || subprocess === undefined || !subprocess.connected) {
      return false;
    }
    // The callback takes the error of a channel that closes at this moment; without it, it would be thrown.
    subprocess.send(message, () => {});
    return true;
  }

  /** Asks the leader alone, unless told otherwise: a program of many processes takes them down in its own order. */
  requestStop(): void {
    if (this.#pid === undefined || this.#extinct) {
      return;
    }
    if (this.send({ kind: 'shutdown', drain: false })) {
      signalProcess(this.#pid, 'SIGCONT');
      return;
    }
    const { signal, wholeGroup } = this.#command.stop;
    for (const pid of wholeGroup ? (livingGroupMembers(this.#pid) ?? [-this.#pid]) : [this.#pid]) {
      this.#ask(pid, signal);
    }
  }

  /** Tells it to take no new calls and to end after the last one: by IPC, or by HUP, which means that to rtpproxy. */
  drain(): void {
    if (this.#pid !== undefined && !this.#extinct && !this.send({ kind: 'shutdown', drain: true })) {
      signalProcess(this.#pid, 'SIGHUP');
    }
  }

  /** TERM to those of the group that had none from us. */
  terminateRest(): void {
    if (this.#pid === undefined || this.#extinct) {
      return;
    }
    for (const pid of livingGroupMembers(this.#pid) ?? [-this.#pid]) {
      this.#ask(pid, 'SIGTERM');
    }
  }

  /** Synchronous: also the last thing that a dying supervisor does. */
  kill(): void {
    if (this.#pid !== undefined && !this.#extinct) {
      killGroup(this.#pid);
    }
  }

  /** Stops watching; the process itself is left as it is. Idempotent. */
  close(): void {
    clearInterval(this.#poll);
    this.#subprocess?.stdout?.destroy();
    this.#subprocess?.stderr?.destroy();
    this.#subprocess?.removeAllListeners('message');
  }

  /** TERM is sent once to each; one that made nothing of another signal still gets it. */
  #ask(pid: number, signal: NodeJS.Signals): void {
    if (this.#signalled.has(pid)) {
      return;
    }
    if (signal === 'SIGTERM') {
      this.#signalled.add(pid);
    }
    this.#asked = true;
    askToStop(pid, signal);
  }

  #fail(reason: SpawnFailure, detail: string): void {
    this.#extinct = true;
    this.#listener.spawnFailed(reason, `${this.#command.argv[0]}: ${detail}`);
  }

  #handleExit(exitCode: number | undefined, signal: string | undefined): void {
    if (exitCode === 0 && this.#mayHaveDaemonised()) {
      this.#lookForDaemon(DAEMON_LOOKS.count, (daemonised) => this.#endLeader({ exitCode, signal, daemonised }));
    } else {
      this.#endLeader({ exitCode, signal, daemonised: false });
    }
  }

  #endLeader(end: Parameters<ChildListener['exited']>[0]): void {
    this.#listener.exited(end);
    if (!this.#checkExtinct()) {
      this.#poll = setInterval(() => this.#checkExtinct(), EXTINCTION_POLL_MS);
    }
  }

  #mayHaveDaemonised(): boolean {
    const isYoung = performance.now() - this.#spawnedAt <= DAEMON_WINDOW_MS;
    return !this.#command.embedded && isYoung && !this.#asked;
  }

  #lookForDaemon(looks: number, done: (daemonised: boolean) => void): void {
    const { cookies, env } = this.#command;
    if (processesWithEnvironment(cookies.map((name) => `${name}=${env[name]}`)).length > 0) {
      done(true);
    } else if (looks <= 1) {
      done(false);
    } else {
      this.#poll = setTimeout(() => this.#lookForDaemon(looks - 1, done), DAEMON_LOOKS.everyMs);
    }
  }

  #checkExtinct(): boolean {
    if (this.#pid === undefined || this.#extinct) {
      return true;
    }
    const members = livingGroupMembers(this.#pid);
    this.#extinct = members === undefined ? !groupExists(this.#pid) : members.length === 0;
    if (this.#extinct) {
      clearInterval(this.#poll);
      this.#listener.extinct();
    }
    return this.#extinct;
  }

  #readLines(name: 'stdout' | 'stderr'): void {
    const stream = this.#subprocess?.[name];
    const limit = new LineLimit();
    let idle: NodeJS.Timeout | undefined;
    const splitter = new LineSplitter((line, continued) => {
      const { passes, leftOut } = limit.admit(performance.now());
      if (leftOut > 0) {
        this.#listener.line(name, `(${leftOut} lines left out: more than ${MAX_LINES_PER_SECOND} in a second)`, false);
      }
      if (passes) {
        this.#listener.line(name, line, continued);
      }
    });
    stream?.on('data', (chunk: Uint8Array) => {
      splitter.push(chunk);
      clearTimeout(idle);
      if (splitter.waits) {
        idle = setTimeout(() => splitter.flush(), IDLE_FLUSH_MS).unref();
      }
      // One chunk a turn of the loop: signals, probes and the other child come first.
      stream.pause();
      setImmediate(() => stream.resume());
    });
    stream?.on('end', () => {
      clearTimeout(idle);
      splitter.end();
    });
    stream?.on('error', () => {
      // The pipe broke: its end is all that is lost.
    });
  }
}

/**
 * `detached`: a session of its own, so that the terminal's signals reach it only through us, and its whole group can
 * be signalled. `buffer: false`: nothing piles up here. `cleanup: false`: execa would signal the leader alone.
 */
const SPAWN_OPTIONS = {
  reject: false,
  buffer: false,
  detached: process.platform !== 'win32',
  cleanup: false,
  extendEnv: false,
  windowsHide: true,
  stripFinalNewline: false,
} as const satisfies Options;

const FAILURES: Readonly<Record<string, readonly [SpawnFailure, string]>> = {
  ENOENT: ['not-found', 'there is no such command'],
  ENOTDIR: ['not-found', 'there is no such command'],
  EACCES: ['not-executable', 'it is not executable'],
  EPERM: ['not-executable', 'it may not be executed by this user'],
  ENOEXEC: ['not-executable', 'it is neither a program nor a script with a #! line'],
  E2BIG: ['too-big', 'its arguments and environment are too long for this system'],
};

function spawnFailureOf(error: unknown): [SpawnFailure, string] {
  const { code, message } = error as { code?: string; message?: string };
  const [reason, detail] = FAILURES[code ?? ''] ?? ['out-of-resources', message ?? 'the system refused'];
  return [reason, code === undefined ? detail : `${detail} (${code})`];
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
