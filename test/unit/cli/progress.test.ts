/** The line that a command shows to who waits for it. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { showWait } from '../../../src/cli/progress.ts';
import type { ControlAnswer } from '../../../src/control/protocol.ts';

const ERASE = '\r\u001b[K';

function world(t: TestContext, waits: readonly (string | null)[], isTTY: boolean) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const written: string[] = [];
  const left = [...waits];
  const services = { relay: { state: 'ready' }, ims: { state: 'starting' } };
  const ask = (): Promise<ControlAnswer> =>
    Promise.resolve({ ok: true, result: { verdict: 'starting', pid: 1, services, waitsFor: left.shift() ?? null } });
  const terminal = { isTTY, columns: 30, write: (text: string) => written.push(text) };
  const { promise, resolve } = deferred();
  const work = showWait({ ask }, promise, terminal);
  const lookAgain = async (): Promise<void> => {
    t.mock.timers.tick(1000);
    // The answer, and what is done with it.
    await new Promise((done) => setImmediate(done));
  };
  return { written, work, finish: resolve, lookAgain };
}

function deferred() {
  let resolve: (value: string) => void = () => {};
  const promise = new Promise<string>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

test('a terminal shows the wait on one line, not wider than it is, and is left as it was', async (t) => {
  const { written, work, finish, lookAgain } = world(
    t,
    ['the IMS', 'the IMS', 'a very long wait for many things'],
    true,
  );
  await lookAgain();
  await lookAgain();
  await lookAgain();
  finish('done');
  assert.equal(await work, 'done');
  const long = `${ERASE}waiting for a very long wait `;
  assert.deepEqual(written, [`${ERASE}waiting for the IMS`, long, ERASE]);
  assert.equal(long.length - ERASE.length, 29);
});

test('a launcher that waits for nothing any more: the line goes', async (t) => {
  const { written, work, finish, lookAgain } = world(t, ['the relay', null], true);
  await lookAgain();
  await lookAgain();
  assert.deepEqual(written, [`${ERASE}waiting for the relay`, ERASE]);
  finish('done');
  await work;
});

test('an answer that comes after the end leaves no line behind', async (t) => {
  const { written, work, finish } = world(t, ['the relay'], true);
  t.mock.timers.tick(1000);
  finish('done');
  await work;
  await new Promise((done) => setImmediate(done));
  assert.ok(written.length === 0 || written.at(-1) === ERASE, JSON.stringify(written));
});

test('what is no terminal gets nothing', async (t) => {
  const { written, work, finish, lookAgain } = world(t, ['the relay'], false);
  await lookAgain();
  finish('done');
  await work;
  assert.deepEqual(written, []);
});
