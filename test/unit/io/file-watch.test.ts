/** The watch of one file when the system has no watches to give. What a real file system does is an end-to-end test. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ChokidarOptions, FSWatcher } from 'chokidar';
import { FileWatch } from '../../../src/io/file-watch.ts';
import { openScope, temporaryDirectory } from '../../support/scope.ts';

class FakeWatcher extends EventEmitter {
  closed = 0;
  readonly path: string;
  readonly options: ChokidarOptions;

  constructor(path: string, options: ChokidarOptions) {
    super();
    this.path = path;
    this.options = options;
  }

  async close(): Promise<void> {
    this.closed += 1;
  }
}

async function open(t: Parameters<typeof openScope>[0], ...names: string[]) {
  const path = join(await temporaryDirectory(openScope(t)), ...names);
  const watchers: FakeWatcher[] = [];
  const warnings: unknown[] = [];
  let changes = 0;
  const log = { debug() {}, warn: (fields: unknown) => warnings.push(fields) };
  const watch = new FileWatch(
    path,
    { changed: () => (changes += 1) },
    log as unknown as ConstructorParameters<typeof FileWatch>[2],
    {
      open: (where, options) => {
        const watcher = new FakeWatcher(where, options);
        watchers.push(watcher);
        return watcher as unknown as FSWatcher;
      },
    },
  );
  t.after(() => watch.close());
  return { path, watchers, warnings, changes: () => changes };
}

test('fault 85: without watches, or without descriptors, the file is polled each second, and that is said once', async (t) => {
  for (const code of ['ENOSPC', 'EMFILE']) {
    const { path, watchers, warnings, changes } = await open(t, 'config.json');
    watchers[0]?.emit('error', Object.assign(new Error(code), { code }));
    watchers[0]?.emit('error', Object.assign(new Error(code), { code }));
    assert.equal(watchers.length, 2);
    assert.equal(watchers[0]?.closed, 1);
    assert.equal(warnings.length, 1);
    assert.deepEqual(
      [watchers[1]?.path, watchers[1]?.options.usePolling, watchers[1]?.options.interval],
      [path, true, 1000],
    );
    watchers[1]?.emit('ready');
    watchers[1]?.emit('change');
    assert.equal(changes(), 2, 'what changed meanwhile, and what changed since');
  }
});

test('fault 86: a directory that is missing is waited for in the one above', async (t) => {
  const { path, watchers } = await open(t, 'etc', 'ims', 'config.json');
  const above = join(path, '..', '..', '..');
  assert.equal(watchers[0]?.path, above);
  const ignored = watchers[0]?.options.ignored as (path: string) => boolean;
  assert.equal(ignored(join(above, 'etc')), false);
  assert.equal(ignored(join(above, 'something-else')), true, 'a full /tmp costs no watches');
});
