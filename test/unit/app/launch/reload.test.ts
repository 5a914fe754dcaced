/** From a look at the file to a configuration in force: one at a time, the last good one, and the way back. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigReloader } from '../../../../src/app/launch/reload.ts';
import { type LoadedConfig, loadConfig } from '../../../../src/config/load.ts';
import { openScope, temporaryDirectory } from '../../../support/scope.ts';

const EFFECTS = { live: [], restarting: [], whenIdle: [], pending: [], refused: [] };

async function open(t: TestContext) {
  const path = join(await temporaryDirectory(openScope(t)), 'config.json');
  const write = (text: string): void => writeFileSync(path, text);
  const read = (): LoadedConfig => loadConfig({ path, env: {}, flags: {}, cwd: '/' });
  write('{ "SERVER_PORT": 5061 }');
  const applied: number[] = [];
  const notes: string[] = [];
  const state = { stopping: false, release: Promise.resolve() };
  const reloader = new ConfigReloader({
    initial: read(),
    read,
    apply: async ({ config }) => {
      applied.push(config.SERVER_PORT);
      await state.release;
      return EFFECTS;
    },
    isStopping: () => state.stopping,
    note: (level, { event }) => {
      if (level !== 'debug') {
        notes.push(event);
      }
    },
  });
  return { write, reloader, applied, notes, state, initial: read() };
}

test('fault 80: a bad content is warned of once, whoever looks; another bad one once more; the good one ends it', async (t) => {
  const { write, reloader, applied, notes } = await open(t);
  write('{');
  for (const asked of [false, true, false]) {
    await reloader.reload(asked);
  }
  assert.deepEqual(notes, ['reload.rejected']);
  assert.equal(reloader.stale, true);
  write('{ ');
  await reloader.reload(false);
  assert.deepEqual(notes, ['reload.rejected', 'reload.rejected'], 'another content, although the mistake is the same');
  write('{ "SERVER_PORT": 5061 }');
  assert.equal((await reloader.reload(false)).outcome, 'unchanged');
  assert.equal(reloader.stale, false);
  assert.deepEqual(applied, []);
});

test('those that come while one is under way are one, and it reads what the file holds then', async (t) => {
  const { write, reloader, applied, state } = await open(t);
  let release: () => void = () => {};
  state.release = new Promise((resolve) => {
    release = resolve;
  });
  write('{ "SERVER_PORT": 5062 }');
  const first = reloader.reload(false);
  while (applied.length === 0) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const others = [5063, 5064, 5065].map((port) => {
    write(`{ "SERVER_PORT": ${port} }`);
    return reloader.reload(port === 5064);
  });
  release();
  await Promise.all([first, ...others]);
  assert.deepEqual(applied, [5062, 5065]);
});

test('fault 83: what was taken back stays away until the file changes, or an operator wants it tried again', async (t) => {
  const { write, reloader, applied, notes, initial } = await open(t);
  write('{ "SERVER_PORT": 5062 }');
  await reloader.reload(false);
  reloader.revert(initial);
  assert.equal(reloader.stale, true);
  assert.equal((await reloader.reload(false)).outcome, 'unchanged');
  assert.deepEqual(applied, [5062]);
  assert.equal((await reloader.reload(true)).outcome, 'changed');
  assert.deepEqual(applied, [5062, 5062]);
  assert.equal(reloader.stale, false);
  assert.deepEqual(notes, []);
});

test('fault 87: while everything stops, a file is not even read', async (t) => {
  const { write, reloader, notes, state } = await open(t);
  write('{');
  state.stopping = true;
  assert.equal((await reloader.reload(true)).outcome, 'ignored');
  assert.deepEqual(notes, []);
});

test('an unknown key is warned of once, with the name that was meant', async (t) => {
  const { write, reloader, notes } = await open(t);
  for (const port of [5062, 5063]) {
    write(`{ "SERVER_PORT": ${port}, "SERVER_PROT": 1 }`);
    await reloader.reload(false);
  }
  assert.deepEqual(notes, ['reload.warning']);
});
