import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addClsactRequest, addFilterRequest } from '../../../../src/linux/netlink/filters.ts';
import { parseLink, parseLinkAddress, RTM_NEWADDR, RTM_NEWLINK } from '../../../../src/linux/netlink/links.ts';
import {
  errorOf,
  formatAttribute,
  formatMessage,
  parseAttributes,
  parseMessages,
  uint32,
} from '../../../../src/linux/netlink/message.ts';
import {
  parseNeighbour,
  parseRoute,
  RTM_DELNEIGH,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  routeRequest,
} from '../../../../src/linux/netlink/routes.ts';

function message(type: number, body: Buffer, ...attributes: Buffer[]) {
  const [parsed] = parseMessages(formatMessage(type, 0, 7, body, ...attributes));
  assert.ok(parsed !== undefined);
  return parsed;
}

test('a message and its attributes are padded to four bytes', () => {
  const bytes = formatMessage(1, 2, 3, formatAttribute(9, Uint8Array.of(1, 2, 3, 4, 5)));
  assert.equal(bytes.toString('hex'), '1c0000000100020003000000000000000900090001020304050000' + '00');
  const [parsed] = parseMessages(Buffer.concat([bytes, bytes]));
  assert.equal(parseMessages(Buffer.concat([bytes, bytes])).length, 2);
  assert.deepEqual(parseAttributes(parsed?.body ?? Buffer.alloc(0)).get(9), Buffer.of(1, 2, 3, 4, 5));
});

test('a link tells what it is', () => {
  const body = Buffer.alloc(16);
  body.writeUInt16LE(1, 2);
  body.writeInt32LE(5, 4);
  body.writeUInt32LE(0x1, 8);
  const kind = formatAttribute(18, formatAttribute(1, Buffer.from('veth\0')));
  const link = parseLink(
    message(
      RTM_NEWLINK,
      body,
      formatAttribute(3, Buffer.from('eth0\0')),
      formatAttribute(4, uint32(1400)),
      formatAttribute(10, uint32(3)),
      kind,
    ),
  );
  const expected = { index: 5, name: 'eth0', isUp: true, isLoopback: false, isEthernet: true, mtu: 1400 };
  assert.deepEqual(link, { ...expected, master: 3, kind: 'veth' });
});

test('an address of a point-to-point link is ours, not that of the other end', () => {
  const body = Buffer.alloc(8);
  body[0] = 2;
  body.writeUInt32LE(4, 4);
  const attributes = [formatAttribute(1, Uint8Array.of(10, 0, 0, 9)), formatAttribute(2, Uint8Array.of(10, 0, 0, 1))];
  assert.deepEqual(parseLinkAddress(message(RTM_NEWADDR, body, ...attributes)), {
    index: 4,
    family: 4,
    address: '10.0.0.1',
  });
});

test('a route has an interface, a gateway and an MTU of its own', () => {
  const body = Buffer.alloc(12);
  body[7] = 1;
  const gateway = Buffer.from('20010db8000000000000000000000001', 'hex');
  const route = parseRoute(
    message(
      RTM_NEWROUTE,
      body,
      formatAttribute(4, uint32(3)),
      formatAttribute(5, gateway),
      formatAttribute(8 | 0x8000, formatAttribute(2, uint32(1300))),
    ),
  );
  const expected = { kind: 'unicast', outIfindex: 3, gateway: '2001:db8::1', isForeignGateway: false, mtu: 1300 };
  assert.deepEqual(route, expected);
});

test('a neighbour that is gone, or has not answered, is not known', () => {
  const body = (state: number): Buffer => {
    const bytes = Buffer.alloc(12);
    bytes.writeUInt16LE(state, 8);
    return bytes;
  };
  const address = formatAttribute(1, Uint8Array.of(10, 0, 0, 9));
  const known = (type: number, state: number) => parseNeighbour(message(type, body(state), address))?.isKnown;
  assert.deepEqual(
    [known(RTM_NEWNEIGH, 0x02), known(RTM_NEWNEIGH, 0x04), known(RTM_NEWNEIGH, 0x80)],
    [true, true, true],
  );
  assert.deepEqual(
    [known(RTM_NEWNEIGH, 0x01), known(RTM_NEWNEIGH, 0x20), known(RTM_DELNEIGH, 0x02)],
    [false, false, false],
  );
});

test('a question for a route has the whole 5-tuple; two families are none', () => {
  const question = { family: 4, sourcePort: 1, destinationPort: 2, source: '10.0.0.1', mark: 0, tos: 184 } as const;
  const bytes = routeRequest(1, { ...question, destination: '10.0.0.2' });
  assert.ok(bytes?.includes(Buffer.of(10, 0, 0, 1)) && bytes.includes(Buffer.of(10, 0, 0, 2)));
  assert.equal(routeRequest(1, { ...question, destination: '2001:db8::1' }), undefined);
});

test('a clsact queue and a filter as tc(8) asks for them', () => {
  // strace -e sendmsg tc qdisc add dev IF clsact
  assert.equal(
    addClsactRequest(1, 2).subarray(16).toString('hex'),
    '00000000020000000000fffff1ffffff00000000' + '0b000100636c736163740000',
  );
  const filter = addFilterRequest(1, 2, 9, 'x').subarray(16).toString('hex');
  assert.ok(filter.startsWith('000000000200000001000000f2ffffff0003130b'), filter);
});

test('an error is a number of errno(3)', () => {
  const [message] = parseMessages(formatMessage(2, 0, 1, Buffer.from('efffffff', 'hex')));
  assert.equal(message === undefined ? 0 : errorOf(message), 17);
});

test('whatever bytes come, nothing throws', () => {
  const parsers = [parseLink, parseLinkAddress, parseRoute, parseNeighbour, errorOf];
  fc.assert(
    fc.property(fc.constantFrom(2, 16, 17, 20, 21, 24, 28, 29), fc.uint8Array({ maxLength: 80 }), (type, bytes) => {
      for (const parsed of parseMessages(formatMessage(type, 0, 1, Buffer.from(bytes)))) {
        for (const parse of parsers) {
          parse(parsed);
        }
        parseMessages(parsed.body);
      }
    }),
  );
});
