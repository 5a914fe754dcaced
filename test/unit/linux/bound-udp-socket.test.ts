import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { bindUdpSocket } from '../../../src/linux/bound-udp-socket.ts';
import { freePortRange } from '../../support/ports.ts';

const skip = process.platform === 'linux' ? false : 'system calls are tested on Linux';

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

for (const address of ['127.0.0.1', '::1']) {
  test(`${address}: the port is held against everybody, and keeps what arrives for who reads it later`, {
    skip,
  }, async (t) => {
    const port = freePortRange(2);
    const bound = bindUdpSocket({ address, port });
    assert.ok(bound.kind === 'bound', JSON.stringify(bound));
    assert.deepEqual(bindUdpSocket({ address, port }), { kind: 'in-use' });

    const type = address === '::1' ? 'udp6' : 'udp4';
    const client = createSocket(type);
    t.after(() => client.close());
    const refusals: Error[] = [];
    client.on('error', (error) => refusals.push(error));
    client.connect(port, address);
    await once(client, 'connect');
    for (const text of ['one', 'two', 'three']) {
      await new Promise((resolve) => client.send(text, resolve));
    }
    // From here on the descriptor is the reader's, and so is its end.
    const reader = createSocket(type);
    const received: string[] = [];
    await new Promise<void>((resolve) => {
      reader.on('message', (bytes) => received.push(`${bytes}`) === 3 && resolve());
      reader.bind({ fd: bound.socket.fd });
    });
    assert.deepEqual([received, refusals], [['one', 'two', 'three'], []]);
    await new Promise<void>((resolve) => reader.close(resolve));
    const again = bindUdpSocket({ address, port });
    assert.ok(again.kind === 'bound', 'the port is free again');
    again.socket.close();
  });
}

test('a rival that permits sharing does not get the port either', { skip }, async (t) => {
  const port = freePortRange(2);
  const bound = bindUdpSocket({ address: '127.0.0.1', port });
  assert.ok(bound.kind === 'bound');
  t.after(() => bound.socket.close());
  const rival = createSocket({ type: 'udp4', reuseAddr: true });
  t.after(() => rival.close());
  rival.bind(port, '127.0.0.1');
  const [error] = (await once(rival, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'EADDRINUSE');
});

test('an address that is not local, or none at all, is unavailable, and nothing is left open', { skip }, () => {
  const before = openDescriptors();
  assert.deepEqual(bindUdpSocket({ address: '192.0.2.1', port: 7 }), { kind: 'unavailable', reason: 'EADDRNOTAVAIL' });
  assert.deepEqual(bindUdpSocket({ address: 'localhost', port: 7 }), {
    kind: 'unavailable',
    reason: 'not an IP address',
  });
  const bound = bindUdpSocket({ address: '127.0.0.1', port: freePortRange(2) });
  assert.ok(bound.kind === 'bound');
  bound.socket.close();
  bound.socket.close();
  assert.equal(openDescriptors(), before);
});
