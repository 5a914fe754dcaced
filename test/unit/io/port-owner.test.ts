import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { boundSockets, describeOwner, portOwner } from '../../../src/io/port-owner.ts';

const needsProc = { skip: existsSync('/proc/net/udp') ? false : 'this system has no /proc/net/udp' };

test('names the process that holds a UDP port', needsProc, async (t) => {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  assert.equal(portOwner('udp', port, '127.0.0.1')?.pid, process.pid);
  assert.equal(portOwner('udp', port, '0.0.0.0')?.pid, process.pid);
  assert.equal(portOwner('udp', port, '127.0.0.2'), undefined);
  assert.ok(boundSockets('udp').some((held) => held.port === port && held.address === '127.0.0.1'));
  assert.match(describeOwner(portOwner('udp', port)), new RegExp(`process ${process.pid} \\(.*node`));
});

test('a listener on the IPv6 wildcard holds the IPv4 port too', needsProc, async (t) => {
  const server = createServer();
  t.after(() => server.close());
  server.listen(0, '::');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  assert.equal(portOwner('tcp', address.port, '127.0.0.1')?.pid, process.pid);
});
