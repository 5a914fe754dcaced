import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openNotifySocket } from '../../../src/linux/notify-socket.ts';
import { listenForDatagrams } from '../../support/datagram-listener.ts';
import { openScope, temporaryDirectory } from '../../support/scope.ts';

const skip = process.platform === 'linux' ? false : 'unix datagram sockets are tested on Linux';

test('one datagram a message, to a path and to an abstract name', { skip }, async (t) => {
  const scope = openScope(t);
  for (const name of [join(await temporaryDirectory(scope), 'notify'), `@ims-launch-test-${scope.runId}`]) {
    const listener = listenForDatagrams(scope, name);
    const socket = openNotifySocket(name);
    scope.defer(() => socket?.close());
    assert.equal(socket?.send('READY=1\nSTATUS=läuft'), true);
    assert.equal(socket?.send('STOPPING=1'), true);
    assert.deepEqual(listener.received(), ['READY=1\nSTATUS=läuft', 'STOPPING=1']);
  }
});

test('a manager that does not read is not waited for', { skip }, (t) => {
  const scope = openScope(t);
  const name = `@ims-launch-test-${scope.runId}`;
  const listener = listenForDatagrams(scope, name);
  const socket = openNotifySocket(name);
  scope.defer(() => socket?.close());
  let sent = 0;
  while (sent < 100_000 && socket?.send('WATCHDOG=1') === true) {
    sent += 1;
  }
  assert.ok(sent < 100_000, 'the queue is full at some time');
  assert.equal(listener.received().length, sent);
  assert.equal(socket?.send('WATCHDOG=1'), true, 'and goes on when it is read');
});

test('nobody listens: false; closed: false; closed twice: nothing', { skip }, async (t) => {
  const directory = await temporaryDirectory(openScope(t));
  const socket = openNotifySocket(join(directory, 'nobody'));
  assert.equal(socket?.send('READY=1'), false);
  socket?.close();
  socket?.close();
  assert.equal(socket?.send('READY=1'), false);
});

test('a name that is none of a unix socket opens nothing', { skip }, () => {
  for (const name of ['', '/', '@', 'relative', 'vsock:2:1234', `/${'x'.repeat(107)}`, '/with\0nul', '@with\0nul']) {
    assert.equal(openNotifySocket(name), undefined, JSON.stringify(name.slice(0, 20)));
  }
  const longest = openNotifySocket(`/${'x'.repeat(106)}`);
  assert.ok(longest !== undefined, '107 bytes and the NUL fit');
  longest.close();
});
