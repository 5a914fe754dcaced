/** A relay without the dialect of the Python IMS says once what is wrong; with it, it says nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImsDialectMode } from '../../src/rtpp/ims-dialect.ts';
import { type LogLine, RelayWorld } from '../support/relay-world.ts';

function hints(world: RelayWorld): LogLine[] {
  return world.logged.filter(({ sentence }) => sentence.includes('--ims-dialect=auto'));
}

/** What a Python IMS sends in a call, and what a standard relay answers (rtpproxy 3.2). */
const CALL: readonly (readonly [string, string])[] = [
  ['Vcall123 tagfrom', 'Vcall123 E0'],
  ['Vcall124 uac-tag totag', 'Vcall124 E1'],
  ['Ucall from to 192.0.2.1:4000 192.0.2.2:5000', 'Ucall E0'],
  ['Dcall@host from to', 'Dcall@host E0'],
  ['Qcall@host from to', 'Qcall@host E0'],
];

test('with the dialect off, each of its lines gets the standard answer, and one line of the log says what to do', () => {
  for (const [line, answer] of CALL) {
    const world = new RelayWorld();
    assert.deepEqual(world.datagram(line), [answer]);
    assert.equal(hints(world).length, 1, line);
    assert.deepEqual(hints(world)[0]?.fields, { remote: '127.0.0.1:5000', count: 0 });
    assert.equal(hints(world)[0]?.level, 'warn');
  }
});

test('a call after the other is one line a minute, with the number that it stands for', () => {
  const world = new RelayWorld();
  for (let call = 0; call < 100; call++) {
    world.datagram(`Vcall${call} from`);
    world.advance(100);
  }
  assert.equal(hints(world).length, 1);
  world.advance(60_000);
  world.datagram('Vagain from');
  assert.equal(hints(world).length, 2);
  assert.equal(hints(world)[1]?.fields['count'], 99);
});

test('over a stream, too, where the verb is glued to the call', () => {
  for (const [line, answer] of [
    ['Vcall from', 'E1'],
    ['Dcall from to', 'E8'],
    ['Qcall from to', 'E50'],
  ] as const) {
    const world = new RelayWorld();
    assert.deepEqual(world.line(line), [answer], line);
    assert.equal(hints(world).length, 1, line);
  }
});

test('an offer that a standard relay takes for an order to delete everything is told of', () => {
  const world = new RelayWorld();
  world.line('U c 198.51.100.1 4000 A');
  assert.deepEqual(world.datagram('Vcall X'), ['Vcall 0']);
  assert.equal(world.relay.sessionCount, 0, 'the standard answer is the standard deed');
  assert.equal(hints(world).length, 1);
});

test('standard commands are never told of, whatever their cookies are and whatever is wrong with them', () => {
  const world = new RelayWorld();
  for (const text of ['ck V', 'V ping pong', 'Vcookie V', 'Dck D call A', 'Qck U', 'Qck x y z', '1_2 foo', '  ']) {
    world.datagram(text);
  }
  // A sender that has sent a good command with such a cookie is a standard client.
  world.datagram('Vcookie2 D call');
  world.datagram('Vcookie3 X');
  for (const text of ['VF 20050322', 'V', 'Dw c A', 'Qv c A B', 'U c 192.0.2.1 4000 A', 'Vx', 'D c', 'foo']) {
    world.line(text);
  }
  assert.deepEqual(hints(world), []);
});

test('with the dialect on there is nothing to tell', () => {
  for (const imsDialect of ['auto', 'only'] satisfies ImsDialectMode[]) {
    const world = new RelayWorld({ imsDialect });
    for (const [line] of CALL) {
      world.datagram(line);
    }
    assert.deepEqual(hints(world), []);
  }
});
