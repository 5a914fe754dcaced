/**
 * Watches one file that may be replaced, deleted, made later, or have no directory yet. It only says "look again": who
 * is told compares what it finds with what it knows.
 */
import { existsSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { type ChokidarOptions, type FSWatcher, watch } from 'chokidar';
import type { Log } from '../observe/log.ts';

export interface FileWatchListener {
  /** The file may be another than it was. */
  changed(): void;
}

export interface FileWatchOptions {
  /** Looked at every second, although the system would give notice. */
  readonly isPolled?: boolean;
  /** Where watchers come from; a test has its own. */
  readonly open?: OpenWatcher;
}

export type OpenWatcher = (path: string, options: ChokidarOptions) => FSWatcher;

/** Editors truncate, then write: a file counts when its size has rested this long, milliseconds. */
const SETTLED_MS = 300;

/** How often a file is looked at where the system gives no notice, milliseconds. */
const POLLING_MS = 1000;

/** An editor puts a file back at once; one that stays away this long, milliseconds, may have lost its directory. */
const GONE_MS = 5000;

/** The system has no watches left to give, or no descriptors. */
const EXHAUSTED = new Set(['ENOSPC', 'EMFILE', 'ENFILE']);

export class FileWatch {
  readonly #path: string;
  readonly #listener: FileWatchListener;
  readonly #log: Log;
  readonly #open: OpenWatcher;
  #watcher: FSWatcher | undefined;
  #polling: boolean;
  #goneTimer: NodeJS.Timeout | undefined;
  #secondLook: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(path: string, listener: FileWatchListener, log: Log, options: FileWatchOptions = {}) {
    this.#path = path;
    this.#listener = listener;
    this.#log = log;
    this.#open = options.open ?? watch;
    this.#polling = options.isPolled ?? false;
    this.#arm();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#goneTimer);
    clearTimeout(this.#secondLook);
    await this.#watcher?.close();
  }

  #arm(): void {
    clearTimeout(this.#goneTimer);
    clearTimeout(this.#secondLook);
    void this.#watcher?.close();
    if (this.#closed) {
      return;
    }
    const missing = missingBelow(dirname(this.#path));
    this.#watcher = missing === undefined ? this.#watchFile() : this.#watchAncestor(missing);
    this.#watcher.on('error', (error) => this.#handleError(error));
  }

  #watchFile(): FSWatcher {
    const watcher = this.#open(this.#path, {
      ...this.#how(),
      atomic: true,
      awaitWriteFinish: { stabilityThreshold: SETTLED_MS, pollInterval: 50 },
    });
    const changed = (): void => {
      clearTimeout(this.#goneTimer);
      this.#listener.changed();
    };
    watcher.on('add', changed).on('change', changed);
    watcher.on('unlink', () => this.#handleGone());
    // What changed while nobody watched; and, since a file that appears meanwhile is seen before it is watched, once more.
    watcher.on('ready', () => {
      changed();
      this.#secondLook = setTimeout(changed, POLLING_MS);
      this.#secondLook.unref();
    });
    return watcher;
  }

  /** Until the next directory on the way to the file is made. */
  #watchAncestor({ ancestor, next }: MissingDirectory): FSWatcher {
    const watcher = this.#open(ancestor, {
      ...this.#how(),
      depth: 0,
      ignored: (path) => path !== ancestor && path !== next,
    });
    const look = (): void => {
      if (existsSync(next) || !existsSync(ancestor)) {
        this.#arm();
      }
    };
    watcher.on('addDir', look).on('add', look).on('unlinkDir', look).on('ready', look);
    return watcher;
  }

  #handleGone(): void {
    this.#listener.changed();
    clearTimeout(this.#goneTimer);
    this.#goneTimer = setTimeout(() => this.#arm(), existsSync(dirname(this.#path)) ? GONE_MS : 0);
    this.#goneTimer.unref();
  }

  #handleError(error: unknown): void {
    if (this.#closed) {
      return;
    }
    const { code = '' } = error as NodeJS.ErrnoException;
    if (EXHAUSTED.has(code) && !this.#polling) {
      this.#polling = true;
      this.#log.warn(
        { event: 'reload.polling', path: this.#path, reason: code },
        'the system has no file watches left: the configuration is looked at every second',
      );
      this.#arm();
    } else {
      this.#log.debug({ path: this.#path, err: error }, 'a watch of the configuration failed');
    }
  }

  /** `usePolling` is left out where it is not needed: CHOKIDAR_USEPOLLING then has a say. */
  #how(): ChokidarOptions {
    const base = { ignoreInitial: true, interval: POLLING_MS } as const;
    return this.#polling ? { ...base, usePolling: true } : base;
  }
}

interface MissingDirectory {
  /** The nearest directory above that exists. */
  readonly ancestor: string;
  /** The one that is missing in it. */
  readonly next: string;
}

function missingBelow(directory: string): MissingDirectory | undefined {
  if (existsSync(directory)) {
    return undefined;
  }
  let ancestor = dirname(directory);
  while (!existsSync(ancestor) && dirname(ancestor) !== ancestor) {
    ancestor = dirname(ancestor);
  }
  const [first = ''] = relative(ancestor, directory).split(sep);
  return { ancestor, next: join(ancestor, first) };
}
