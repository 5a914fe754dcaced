import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesRequest, linksRequest, parseLink, parseLinkAddress } from '../../../../src/linux/netlink/links.ts';
import { NetlinkSocket } from '../../../../src/linux/netlink/netlink-socket.ts';
import { neighbourRequest, parseRoute, routeRequest } from '../../../../src/linux/netlink/routes.ts';

const linux = { skip: process.platform === 'linux' ? false : 'netlink is of Linux' };

test('the kernel answers within the call: its loopback, its address, the way to it', linux, (t) => {
  const socket = NetlinkSocket.open();
  assert.ok(typeof socket !== 'string', String(socket));
  t.after(() => socket.close());
  const links = socket.ask(linksRequest);
  assert.ok(links.ok);
  const loopback = links.messages.map(parseLink).find((link) => link?.isLoopback);
  assert.equal(loopback?.name, 'lo');
  const addresses = socket.ask(addressesRequest);
  assert.ok(addresses.ok);
  assert.ok(addresses.messages.map(parseLinkAddress).some((entry) => entry?.address === '127.0.0.1'));
  const question = { family: 4, mark: 0, tos: 184, sourcePort: 1000, destinationPort: 2000 } as const;
  const ends = { source: '127.0.0.1', destination: '127.0.0.1' };
  const route = socket.ask((sequence) => routeRequest(sequence, { ...question, ...ends }) ?? Buffer.alloc(0));
  assert.ok(route.ok);
  assert.deepEqual(
    route.messages.map(parseRoute).map((found) => [found?.kind, found?.outIfindex]),
    [['local', loopback?.index]],
  );
});

test('what the kernel refuses is a number; a closed socket refuses everything', linux, () => {
  const socket = NetlinkSocket.open();
  assert.ok(typeof socket !== 'string', String(socket));
  const ask = () => socket.ask((sequence) => neighbourRequest(sequence, 0x7fffffff, '192.0.2.1') ?? Buffer.alloc(0));
  assert.equal(ask().ok, false);
  socket.close();
  socket.close();
  assert.equal(ask().ok, false);
});

test('nothing has changed: no messages, at once', linux, (t) => {
  const socket = NetlinkSocket.open(0x1);
  assert.ok(typeof socket !== 'string', String(socket));
  t.after(() => socket.close());
  assert.equal(socket.changes().overflowed, false);
});
