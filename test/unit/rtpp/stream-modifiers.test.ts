import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ECODES } from '../../../src/rtpp/ecodes.ts';
import { parsePeer } from '../../../src/rtpp/peer.ts';
import { formatStreamModifiers, type ModifierRules, parseStreamModifiers } from '../../../src/rtpp/stream-modifiers.ts';
import { familyOf } from '../../../src/wire/ip-address.ts';

const RULES: ModifierRules<string> = {
  bridging: true,
  byAddress: (address, family) => (familyOf(address) === family ? address : undefined),
  byLabel: (label) => (label === 'one' ? '192.0.2.1' : undefined),
  towards: (peer) => (peer === '10.0.0.9' ? '10.0.0.1' : undefined),
};

function parsed(text: string, rules = RULES): unknown {
  const result = parseStreamModifiers(text, rules);
  return result.ok ? result.value : result.error;
}

test('letters may follow an address, a list and a number', () => {
  assert.deepEqual(parsed('wAl10.0.0.1c0,8z20n6'), {
    asymmetric: true,
    weak: true,
    family: 6,
    directions: [],
    packetMs: 20,
    codecs: '0,8',
    local: '10.0.0.1',
    newPort: true,
    situation: undefined,
  });
});

test('H has one digit, the party’s hold and the ringing call in a bit each', () => {
  const situations = ['H0', 'h1', 'H2', 'H3'].map((text) => (parsed(text) as { situation: object }).situation);
  assert.deepEqual(situations, [
    { held: false, ringing: false },
    { held: true, ringing: false },
    { held: false, ringing: true },
    { held: true, ringing: true },
  ]);
  assert.deepEqual([parsed('H'), parsed('H4'), parsed('Hx')], [35, 35, 35]);
});

test('of several A and S the last counts', () => {
  assert.equal((parsed('asA') as { asymmetric: boolean }).asymmetric, true);
  assert.equal((parsed('As') as { asymmetric: boolean }).asymmetric, false);
});

test('each mistake has its code', () => {
  const mistakes: readonly (readonly [string, number])[] = [
    ['t', 35],
    ['z', 13],
    ['z0', 13],
    ['z1000', 13],
    ['c', 14],
    ['c0c8', 14],
    ['l', 15],
    ['l[::1', 15],
    ['l{}', 15],
    ['l{nope}', 31],
    ['l999.1.1.1', 31],
    ['r', 16],
    ['r{one}', 16],
    ['r192.0.2.9', 32],
    ['iie', 11],
    ['eei', 12],
  ];
  for (const [text, code] of mistakes) {
    assert.equal(parsed(text), code, text);
  }
  assert.equal(parsed('e', { ...RULES, bridging: false }), 11);
  assert.equal(parsed('i', { ...RULES, bridging: false }), 12);
});

test('the first mistake decides', () => {
  assert.equal(parsed('l{nope}z'), 31);
  assert.equal(parsed('zl{nope}'), 13);
});

test('what is formatted parses to the same', () => {
  const text = formatStreamModifiers({
    asymmetric: false,
    directions: ['internal', 'external'],
    weak: true,
    newPort: true,
    family: 6,
    local: '::1',
    packetMs: 30,
    codecs: '0,101',
    situation: { held: true, ringing: false },
  });
  assert.deepEqual(parsed(text), {
    asymmetric: false,
    directions: ['internal', 'external'],
    weak: true,
    newPort: true,
    family: 6,
    local: '::1',
    packetMs: 30,
    codecs: '0,101',
    situation: { held: true, ringing: false },
  });
});

test('any letters give modifiers or a code of the table', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'aswz6nceilrh0123456789.,:[]{}x%'), maxLength: 60 }), (text) => {
      const result = parseStreamModifiers(text, RULES);
      assert.ok(result.ok || result.error in ECODES);
    }),
  );
});

test('an address is only looked at when its length fits', () => {
  for (const ignored of ['*', 'host', 'media.example.com', '::1']) {
    assert.deepEqual(parsePeer(ignored, 'x', 4), { ok: true, value: { kind: 'absent' } });
  }
  for (const [address, port, family] of [
    ['somehost', '4000', 4],
    ['2001:db8::1', '4000', 4],
    ['127.0.0.1', '4000', 6],
    ['192.0.2.1', 'port', 4],
  ] as const) {
    assert.deepEqual(parsePeer(address, port, family), { ok: false, error: 37 });
  }
});

test('an IPv6 peer is kept in the spelling that sockets report', () => {
  for (const [text, canonical] of [
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
    ['fe80:0:0:10:0:0:0:0', 'fe80:0:0:10::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:3:0:5:0:7:0', '1:0:3:0:5:0:7:0'],
  ] as const) {
    const peer = parsePeer(text, '4000', 6);
    assert.ok(peer.ok && peer.value.kind === 'address');
    assert.equal(peer.value.target.address, canonical);
  }
});

test('0.0.0.0 and :: are hold, and a port above 65535 wraps', () => {
  assert.deepEqual(parsePeer('0.0.0.0', '0', 4), { ok: true, value: { kind: 'hold' } });
  assert.deepEqual(parsePeer('::', '0', 6), { ok: true, value: { kind: 'hold' } });
  assert.deepEqual(parsePeer('192.0.2.1', '65537', 4), {
    ok: true,
    value: { kind: 'address', target: { address: '192.0.2.1', port: 1 } },
  });
});
