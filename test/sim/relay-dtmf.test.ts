/** The subcommand `M3:1` in virtual time: who is told of which keys. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionId, Side } from '../../src/relay/plane.ts';
import { type KeyPress, keyPackets } from '../support/key-press.ts';
import { RelayWorld } from '../support/relay-world.ts';

const FIRST = 1 as SessionId;
const CALLEE: Side = 0;
const CALLER: Side = 1;

function openWorld(): RelayWorld {
  return new RelayWorld({
    notifyTargets: [
      { kind: 'unix', path: '/run/keys' },
      { kind: 'unix', path: '/run/others' },
    ],
  });
}

function press(world: RelayWorld, side: Side, key: Partial<KeyPress> = {}): string[] {
  const before = world.notified.length;
  for (const packet of keyPackets({ event: 5, timestamp: 1, durations: [160, 320], ...key })) {
    world.rtp(FIRST, side, packet);
  }
  return world.notified.slice(before).map(({ text }) => text);
}

test('the keys of both parties, as rtpproxy’s own test of its module has them', () => {
  const world = openWorld();
  const caller = 'Hello%2C%20Razvan%40OpenSIPS%21%20%3A-%29';
  const callee = 'Hello%2C%20Max%21%20%3AD';
  assert.deepEqual(world.line(`U c 127.0.0.1 12345 from_tag_1 /run/keys DTAG && M3:1 ${caller} 101`), [
    '20000 192.0.2.100',
  ]);
  assert.deepEqual(world.line(`L c 127.0.0.1 54321 from_tag_1 to_tag_1 && M3:1 ${callee} 101`), ['20002 192.0.2.100']);
  assert.deepEqual(press(world, CALLER, { event: 1, volume: 0, durations: [160, 960] }), [
    'Hello, Razvan@OpenSIPS! :-) 1 0 960 0\n',
  ]);
  assert.deepEqual(press(world, CALLEE, { event: 11, durations: [160, 480] }), ['Hello, Max! :D # 10 480 1\n']);
  assert.ok(world.notified.every(({ target }) => target.kind === 'unix' && target.path === '/run/keys'));
  world.advance(70_000);
  assert.equal(world.notified.at(-1)?.text, 'DTAG\n', 'the time-out has its own tag');
});

test('without notify words there is nobody to tell', () => {
  const world = openWorld();
  assert.deepEqual(world.line('U c 127.0.0.1 4000 A && M3:1 keys'), ['20000 192.0.2.100 && -1']);
  assert.deepEqual(press(world, CALLER), []);
});

test('wrong words fail the subcommand, not the command; a module that is not there fails both', () => {
  const world = openWorld();
  const offer = (subcommand: string): string =>
    world.line(`U c 127.0.0.1 4000 A /run/keys T && ${subcommand}`)[0] ?? '';
  for (const wrong of ['M3:1', 'M3:1 t x', 'M3:1 t 128', 'M3:1 t -1', 'M3:1 t 101 x', 'M3:1 t 101 h h', 'M3:1 %zz']) {
    assert.equal(offer(wrong), '20000 192.0.2.100 && -1', wrong);
  }
  for (const absent of ['M', 'M3', 'M3:', 'M3:0 t', 'M3:2 t', 'M4:1 S', 'M5:1 S', 'Mx:1 t', 'M3:1x t', 'M-3:1 t']) {
    assert.equal(offer(absent), 'E3', absent);
  }
  for (const right of ['M3:1 t', 'm3:1 t', 'M3:1 t 0', 'M3:1 t 127', 'M3:1 t 101 h', 'M3:1 t 101 Hh']) {
    assert.equal(offer(right), '20000 192.0.2.100', right);
  }
});

test('it is about the party whose address the command carries, and about the other after an L', () => {
  const world = openWorld();
  const answer = world.line('U c 127.0.0.1 4000 A B /run/keys T && M3:1 one && L 127.0.0.1 5000 && M3:1 two');
  assert.deepEqual(answer, ['20000 192.0.2.100 && 0 && 20002 192.0.2.100']);
  assert.deepEqual(press(world, CALLER), ['one 5 10 320 0\n']);
  assert.deepEqual(press(world, CALLEE), ['two 5 10 320 1\n']);
});

test('a re-offer of the callee with swapped tags is about the callee', () => {
  const world = openWorld();
  world.line('U c 127.0.0.1 4000 A /run/keys T');
  world.line('U c 127.0.0.1 5000 B A /run/others T && M3:1 callee');
  assert.deepEqual(press(world, CALLEE), ['callee 5 10 320 1\n']);
  assert.deepEqual(press(world, CALLER), []);
  assert.deepEqual(world.notified[0]?.target, { kind: 'unix', path: '/run/others' });
});

test('after a Q it is about the party that the query names', () => {
  const world = openWorld();
  world.line('U c 127.0.0.1 4000 A /run/keys T');
  world.line('L c 127.0.0.1 5000 A B');
  assert.deepEqual(world.line('Q c A B && M3:1 queried'), ['60 0 0 0 0']);
  assert.deepEqual(press(world, CALLER), ['queried 5 10 320 0\n']);
});

test('it goes on through a re-offer that asks for nothing, and the latest command decides tag and payload type', () => {
  const world = openWorld();
  world.line('U c 127.0.0.1 4000 A /run/keys T && M3:1 first');
  world.line('U c 127.0.0.1 4000 A');
  assert.deepEqual(press(world, CALLER, { timestamp: 100 }), ['first 5 10 320 0\n']);
  world.line('U c 127.0.0.1 4000 A /run/keys T && M3:1 second 96');
  assert.deepEqual(press(world, CALLER, { timestamp: 200 }), []);
  assert.deepEqual(press(world, CALLER, { timestamp: 300, payloadType: 96 }), ['second 5 10 320 0\n']);
  assert.deepEqual(press(world, CALLER, { timestamp: 300, payloadType: 96 }), [], 'told already');
});

test('h hides the events, and the next command without it shows them again', () => {
  const world = openWorld();
  world.line('U c 127.0.0.1 4000 A /run/keys T && M3:1 t 101 h');
  world.line('U c 127.0.0.1 4000 A /run/keys T && M3:1 t');
  assert.deepEqual(
    world.detecting.map(({ side, hidden }) => [side, hidden]),
    [
      [CALLER, 101],
      [CALLER, undefined],
    ],
  );
});

test('a long tag is cut like rtpproxy’s, and the line still ends', () => {
  const world = openWorld();
  world.line(`U c 127.0.0.1 4000 A /run/keys T && M3:1 ${'x'.repeat(2000)}`);
  const [text = ''] = press(world, CALLER);
  assert.equal(text, `${'x'.repeat(511)}\n`);
});

test('nothing is told of a session that has ended', () => {
  const world = openWorld();
  world.line('U c 127.0.0.1 4000 A /run/keys T && M3:1 t');
  world.line('D c A');
  assert.deepEqual(press(world, CALLER), []);
});

test('no log line tells which key it was', () => {
  const world = openWorld();
  world.line('U c 127.0.0.1 4000 A /run/keys T && M3:1 t');
  press(world, CALLER, { event: 9 });
  const [line] = world.logged.filter(({ sentence }) => sentence === 'key pressed');
  assert.deepEqual(line?.fields, { callId: 'c', side: 'caller' });
});
