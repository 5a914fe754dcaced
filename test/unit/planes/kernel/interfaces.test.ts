import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Link } from '../../../../src/linux/netlink/links.ts';
import { entrancesFor } from '../../../../src/planes/kernel/interfaces.ts';

function link(index: number, more: Partial<Link> = {}): Link {
  const plain = { isUp: true, isLoopback: false, isEthernet: true, mtu: 1500, master: undefined, kind: '' };
  return { index, name: `if${index}`, ...plain, ...more };
}

const LINKS = [
  link(1, { isLoopback: true, isEthernet: false }),
  link(2),
  link(3),
  link(4, { isUp: false }),
  link(5, { isEthernet: false, kind: 'tun' }),
  link(6, { kind: 'vxlan' }),
  link(7, { kind: 'bridge' }),
  link(8, { kind: 'veth', master: 7 }),
  link(9, { kind: 'vrf' }),
  link(10, { master: 9 }),
  link(11, { kind: 'dummy' }),
];
const at = (index: number, address: string) => ({ index, family: 4 as const, address });
const ADDRESSES = [
  at(1, '127.0.0.1'),
  at(2, '192.0.2.1'),
  at(5, '192.0.2.5'),
  at(7, '192.0.2.7'),
  at(11, '192.0.2.11'),
];
const ALL = [2, 3, 7, 9, 10, 11];

function entrances(...addresses: string[]): number[] {
  return [...entrancesFor(addresses, LINKS, ADDRESSES)];
}

test('an address of an interface is expected there; of a bridge at the bridge, not at its ports', () => {
  assert.deepEqual(entrances('192.0.2.1'), [2]);
  assert.deepEqual(entrances('192.0.2.7'), [7]);
  assert.deepEqual(entrances('192.0.2.1', '192.0.2.7'), [2, 7]);
});

test('an address on loopback, on a dummy, of nobody, or all of them: everywhere that is up and has Ethernet', () => {
  for (const address of ['127.0.0.1', '192.0.2.11', '203.0.113.1', '0.0.0.0']) {
    assert.deepEqual(entrances(address), ALL, address);
  }
});

test('a tunnel has no entrance for the program', () => {
  assert.deepEqual(entrances('192.0.2.5'), []);
});
