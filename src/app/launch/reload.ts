/**
 * From "look again" to a new configuration: read, compared with the last good one, and handed on only if it is valid and
 * different. One at a time, and of those that wait the newest.
 */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadedConfig } from '../../config/load.ts';
import { ImsError } from '../../errors.ts';
import type { LogFields } from '../../observe/log.ts';
import { changedKeys } from './reload-plan.ts';

/** What came of a reload, as `ims-launch reload` prints it; lists of keys. */
export type ReloadOutcome =
  | { readonly outcome: 'unchanged'; readonly keys: readonly [] }
  | ({ readonly outcome: 'changed'; readonly keys: readonly string[] } & ReloadEffects)
  | { readonly outcome: 'rejected'; readonly reason: string }
  /** Everything stops. */
  | { readonly outcome: 'ignored' };

export interface ReloadEffects {
  readonly live: readonly string[];
  /** Services that are restarted for it, at once or after the last call. */
  readonly restarting: readonly string[];
  readonly whenIdle: readonly string[];
  readonly pending: readonly string[];
  readonly refused: readonly string[];
}

export interface ReloaderOptions {
  readonly initial: LoadedConfig;
  /** @throws ImsError */
  read(): LoadedConfig;
  /** @throws ImsError what is found only when it is tried: a host name that does not resolve */
  apply(next: LoadedConfig): Promise<ReloadEffects>;
  isStopping(): boolean;
  /** To the log, and to those who ask for events. */
  readonly note: Note;
}

export type Note = (
  level: 'debug' | 'info' | 'warn' | 'error',
  fields: LogFields & { readonly event: string },
  sentence: string,
) => void;

/** A file that does not parse may be half written: it is read again, so many times, after so many milliseconds. */
const TRIES = 6;
const RETRY_MS = 100;

/** Mistakes that a writer may be about to mend. */
const PASSING: ReadonlySet<string> = new Set(['IMS_ERR_CONFIG_SYNTAX', 'IMS_ERR_CONFIG_MISSING']);

export class ConfigReloader {
  readonly #options: ReloaderOptions;
  #good: LoadedConfig;
  /** Digest of the content that was last refused; undefined: what the file holds is in force. */
  #rejected: string | undefined;
  readonly #warned: Set<string>;
  #underWay: Promise<unknown> = Promise.resolve();
  #waiting: Promise<ReloadOutcome> | undefined;
  #asked = false;
  /** Digest of the content that is in force. */
  #applied: string | undefined;

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#good = options.initial;
    this.#warned = new Set(options.initial.warnings);
  }

  /** The file holds something else than what is in force. */
  get stale(): boolean {
    return this.#rejected !== undefined;
  }

  /** @param asked by an operator: content that was refused before gets another try */
  reload(asked: boolean): Promise<ReloadOutcome> {
    // One that waits reads the file when its turn comes: it serves all who ask until then.
    this.#asked ||= asked;
    this.#waiting ??= this.#underWay.then(() => {
      const run = this.#reload(this.#asked);
      this.#waiting = undefined;
      this.#asked = false;
      this.#underWay = run.catch(() => {});
      return run;
    });
    return this.#waiting;
  }

  /** The configuration that was applied could not be lived with: `former` is in force again. */
  revert(former: LoadedConfig): void {
    this.#good = former;
    this.#rejected = this.#applied;
  }

  async #reload(asked: boolean): Promise<ReloadOutcome> {
    if (this.#options.isStopping()) {
      return { outcome: 'ignored' };
    }
    const digest = this.#digest();
    if (!asked && digest === this.#rejected) {
      return this.#unchanged();
    }
    try {
      const next = await this.#readPatiently();
      const keys = changedKeys(this.#good.config, next.config);
      if (this.#options.isStopping()) {
        return { outcome: 'ignored' };
      }
      this.#warnOnce(next.warnings);
      const effects = keys.length > 0 ? await this.#options.apply(next) : undefined;
      this.#good = next;
      this.#applied = digest;
      this.#rejected = undefined;
      return effects === undefined ? this.#unchanged() : { outcome: 'changed', keys, ...effects };
    } catch (error) {
      if (!(error instanceof ImsError)) {
        throw error;
      }
      this.#reject(error.message);
      return { outcome: 'rejected', reason: error.message };
    }
  }

  #unchanged(): ReloadOutcome {
    this.#options.note('debug', { event: 'reload.unchanged' }, 'the configuration is as it was');
    return { outcome: 'unchanged', keys: [] };
  }

  async #readPatiently(): Promise<LoadedConfig> {
    const { read } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        const next = read();
        for (const [wasFound, isFound, path] of [
          [this.#good.fileFound, next.fileFound, next.path],
          [this.#good.usersFound && this.#good.usersPath === next.usersPath, next.usersFound, next.usersPath],
        ] as const) {
          if (wasFound && !isFound) {
            throw new ImsError('IMS_ERR_CONFIG_MISSING', `the configuration file ${path} is gone`);
          }
        }
        return next;
      } catch (error) {
        if (attempt === TRIES || !(error instanceof ImsError && PASSING.has(error.code))) {
          throw error;
        }
        await sleep(RETRY_MS);
      }
    }
  }

  #reject(reason: string): void {
    const digest = this.#digest();
    if (digest !== this.#rejected) {
      this.#rejected = digest;
      const sentence = 'the changed configuration is not valid: the last good one stays';
      this.#options.note('warn', { event: 'reload.rejected', reason }, sentence);
    }
  }

  #warnOnce(warnings: readonly string[]): void {
    for (const warning of warnings.filter((each) => !this.#warned.has(each))) {
      this.#warned.add(warning);
      this.#options.note('warn', { event: 'reload.warning', reason: warning }, 'configuration');
    }
  }

  #digest(): string {
    return `${digestOf(this.#good.path)} ${digestOf(this.#good.usersPath)}`;
  }
}

/** Of the file as it is, or of why it cannot be read. */
function digestOf(path: string): string {
  try {
    // What has no end, or can be read once, cannot be looked at in passing.
    if (!statSync(path).isFile()) {
      return 'no file';
    }
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unreadable';
  }
}
