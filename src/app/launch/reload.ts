/** Watches the configuration file. What can change in a running system is applied, the rest is reported. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { optionCatalogue } from '../../config/catalogue.ts';
import type { LoadedConfig } from '../../config/load.ts';
import { ImsError } from '../../errors.ts';
import type { Log } from '../../observe/log.ts';

export type ReloadOutcome =
  | { readonly outcome: 'unchanged' | 'changed'; readonly keys: readonly string[] }
  | { readonly outcome: 'rejected'; readonly reason: string };

export interface ReloadListener {
  /** A new valid configuration that differs in `keys`. */
  changed(loaded: LoadedConfig, keys: readonly string[]): void;
}

/** Editors truncate, then write: the file is read when its size has rested this long, milliseconds. */
const SETTLED_MS = 300;

/** Keeps the last good configuration: a file that does not parse, or is gone for a moment, changes nothing. */
export class ConfigReloader {
  readonly #read: () => LoadedConfig;
  readonly #listener: ReloadListener;
  readonly #log: Log;
  #good: LoadedConfig;
  #rejected = '';
  #watcher: FSWatcher | undefined;

  constructor(initial: LoadedConfig, read: () => LoadedConfig, listener: ReloadListener, log: Log) {
    this.#good = initial;
    this.#read = read;
    this.#listener = listener;
    this.#log = log;
  }

  watch(): void {
    const { path } = this.#good;
    if (!existsSync(dirname(path))) {
      this.#log.debug({ path }, 'the configuration is not watched: its directory does not exist');
      return;
    }
    this.#watcher = watch(path, {
      ignoreInitial: true,
      atomic: true,
      awaitWriteFinish: { stabilityThreshold: SETTLED_MS, pollInterval: 50 },
    });
    this.#watcher.on('add', () => this.reload());
    this.#watcher.on('change', () => this.reload());
    this.#watcher.on('error', (err) => this.#log.warn({ path, err }, 'the configuration can no longer be watched'));
  }

  reload(): ReloadOutcome {
    let next: LoadedConfig;
    try {
      next = this.#read();
    } catch (error) {
      const reason = error instanceof ImsError ? error.message : String(error);
      if (reason !== this.#rejected) {
        this.#rejected = reason;
        this.#log.warn(
          { event: 'reload.rejected', reason },
          'the changed configuration is not valid: the last good one stays',
        );
      }
      return { outcome: 'rejected', reason };
    }
    this.#rejected = '';
    if (this.#good.fileFound && !next.fileFound) {
      const reason = 'the configuration file is gone: the last good one stays';
      this.#log.warn({ path: next.path }, reason);
      return { outcome: 'rejected', reason };
    }
    const keys = changedKeys(this.#good, next);
    this.#good = next;
    if (keys.length > 0) {
      this.#listener.changed(next, keys);
    }
    return { outcome: keys.length > 0 ? 'changed' : 'unchanged', keys };
  }

  async close(): Promise<void> {
    await this.#watcher?.close();
  }
}

function changedKeys(before: LoadedConfig, after: LoadedConfig): string[] {
  return optionCatalogue()
    .map((option) => option.key)
    .filter((key) => JSON.stringify(valueAt(before, key)) !== JSON.stringify(valueAt(after, key)));
}

function valueAt({ config }: LoadedConfig, key: string): unknown {
  return key
    .split('.')
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], config);
}
