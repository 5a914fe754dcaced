/**
 * What remains when this process is killed with SIGKILL: a tiny helper in a session of its own that reads a pipe we
 * hold. The kernel closes the pipe however we end; without a `bye` before that, the helper ends what we started.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter } from 'node:path';
import type { Log } from '../observe/log.ts';
import { GUARDIAN_SCRIPT } from './guardian-script.ts';
import { startTimeOf } from './process-table.ts';

export interface GuardianOptions {
  /** `NAME=value` in the environment of everything that it guards, and not in its own. */
  readonly cookie: string;
  readonly env: Readonly<Record<string, string>>;
  readonly log: Log;
  /** How the helper runs; the shell where there is one. */
  readonly form?: GuardianForm;
}

export type GuardianForm = 'shell' | 'node';

const SHELL = '/bin/sh';
/** Where `sleep` and `grep` are, whatever PATH says. */
const SYSTEM_PATH = ['/usr/bin', '/bin'];
/** Before the next helper is started in place of one that ended; doubled for each that was short-lived, milliseconds. */
const FIRST_DELAY_MS = 100;
/** Without a helper nothing guards: never longer than this. */
const MAX_DELAY_MS = 5000;
/** One that lived so long could run here: something else ended it, and the next one need not wait. */
const STABLE_AFTER_MS = 1000;

export class Guardian {
  readonly #options: GuardianOptions;
  readonly #form: GuardianForm;
  /** Process groups to end, with the start times of their leaders. */
  readonly #groups = new Map<number, string>();
  #helper: ChildProcess | undefined;
  #retry: NodeJS.Timeout | undefined;
  #delayMs = FIRST_DELAY_MS;
  #startedAt = 0;
  #closed = false;

  constructor(options: GuardianOptions) {
    this.#options = options;
    this.#form = options.form ?? (existsSync(SHELL) ? 'shell' : 'node');
  }

  get pid(): number | undefined {
    return this.#helper?.pid;
  }

  start(): void {
    const [file, args] = commandOf(this.#form, this.#options.cookie);
    const path = [this.#options.env['PATH'] ?? '', ...SYSTEM_PATH].filter((folder) => folder !== '').join(delimiter);
    const helper = spawn(file, args, {
      // Its own session: no signal of a terminal reaches it. The root directory: it keeps no file system busy.
      detached: true,
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...this.#options.env, PATH: path },
    });
    this.#helper = helper;
    this.#startedAt = performance.now();
    let lost = false;
    const handleLoss = (reason: string): void => {
      if (!lost && !this.#closed) {
        lost = true;
        this.#startAgain(reason);
      }
    };
    helper.once('error', (error) => handleLoss(error.message));
    helper.once('exit', (exitCode, signal) => handleLoss(signal ?? `exit status ${exitCode}`));
    helper.stdin?.on('error', () => {
      // It is gone: its exit says so.
    });
    // It waits for our end, so it must not delay it.
    helper.unref();
    (helper.stdin as unknown as { unref?(): void } | null)?.unref?.();
    for (const [group, start] of this.#groups) {
      this.#tell(`watch ${group} ${start}`);
    }
  }

  /** To be called while the leader lives: its start time is read here. */
  watch(group: number): void {
    const start = String(startTimeOf(group) ?? '-');
    this.#groups.set(group, start);
    this.#tell(`watch ${group} ${start}`);
  }

  /** Nothing lives in the group any more: its number may soon be another one's. */
  forget(group: number): void {
    this.#groups.delete(group);
    this.#tell(`forget ${group}`);
  }

  /** The clean end: the helper leaves everything as it is. Idempotent. */
  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      clearTimeout(this.#retry);
      this.#tell('bye');
      this.#helper?.stdin?.end();
    }
  }

  #startAgain(reason: string): void {
    const isStable = performance.now() - this.#startedAt >= STABLE_AFTER_MS;
    const delayMs = isStable ? FIRST_DELAY_MS : this.#delayMs;
    this.#delayMs = Math.min(2 * delayMs, MAX_DELAY_MS);
    const fields = { event: 'guardian.lost', childPid: this.#helper?.pid, reason, delayMs };
    this.#options.log.warn(fields, 'the guardian is gone; another one is started');
    this.#helper = undefined;
    this.#retry = setTimeout(() => this.start(), delayMs);
    this.#retry.unref();
  }

  #tell(order: string): void {
    const stdin = this.#helper?.stdin;
    if (stdin?.writable === true) {
      stdin.write(`${order}\n`);
    }
  }
}

function commandOf(form: GuardianForm, cookie: string): [string, string[]] {
  if (form === 'shell') {
    return [SHELL, ['-c', GUARDIAN_SCRIPT, 'ims-launch-guardian', cookie]];
  }
  const module = new URL(import.meta.url.replace(/guardian(\.[jt]s)$/, 'guardian-watch$1')).href;
  const program = `const { guard } = await import(${JSON.stringify(module)}); await guard(process.argv[1], process.stdin);`;
  return [process.execPath, ['--input-type=module', '--eval', program, cookie]];
}
