/** The subcommand `C` in virtual time: a session that is fed with copies of another one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RelayWorld } from '../support/relay-world.ts';

/** A complete session, the source: id 1. */
function openWorld(): RelayWorld {
  const world = new RelayWorld({ maxPort: 20_199 });
  world.line('U source 198.51.100.1 4000 A B');
  world.line('L source 198.51.100.2 5000 A B');
  return world;
}

const OFFER = 'U copy 198.51.100.3 6000 C D && L 198.51.100.4 7000';

test('the party of the command stands where the party of the from tag stands', () => {
  const world = openWorld();
  // The command is about C, the caller of the copy: it hears what A hears, which arrives on the leg that faces B.
  assert.deepEqual(world.line('U copy 198.51.100.3 6000 C D && C source A B'), ['20004 192.0.2.100']);
  assert.deepEqual(world.feeds.at(-1), { kind: 'feed', source: 1, target: 2, crossed: true });
  world.line('U other 198.51.100.3 6000 C D && C source B A');
  assert.deepEqual(world.feeds.at(-1), { kind: 'feed', source: 1, target: 3, crossed: false });
});

test('after an L the legs are swapped for it, too', () => {
  const world = openWorld();
  assert.deepEqual(world.line(`${OFFER} && C source A B`), ['20004 192.0.2.100 && 20006 192.0.2.100']);
  assert.deepEqual(world.feeds.at(-1), { kind: 'feed', source: 1, target: 2, crossed: false });
});

test('a session that is not there, or this very one, fails it and what comes after it', () => {
  const world = openWorld();
  assert.deepEqual(world.line('U a 198.51.100.3 6000 C D && C nowhere A B && S ttl=5'), ['20004 192.0.2.100 && -1']);
  assert.deepEqual(world.line('U b 198.51.100.3 6000 C D && C source X Y'), ['20006 192.0.2.100 && -1']);
  assert.deepEqual(world.line('U source 198.51.100.1 4000 A B && C source A B'), ['20000 192.0.2.100 && -1']);
  assert.deepEqual(world.feeds, []);
  assert.deepEqual(world.line('Q a C'), ['60 0 0 0 0'], 'S was not reached');
});

test('a command that comes again starts the copies anew instead of doubling them', () => {
  const world = openWorld();
  world.line('U copy 198.51.100.3 6000 C D && C source A B');
  world.line('U copy 198.51.100.3 6000 C D && C source A B');
  assert.deepEqual(
    world.feeds.map(({ kind }) => kind),
    ['feed', 'stop-feeding', 'feed'],
  );
});

test('the copies end with either session, and only they do', () => {
  for (const [end, left] of [
    ['D copy C D', 'source'],
    ['D source A B', 'copy'],
  ] as const) {
    const world = openWorld();
    world.line('U copy 198.51.100.3 6000 C D && C source A B');
    assert.deepEqual(world.line(end), ['0']);
    assert.deepEqual(world.feeds.at(-1), { kind: 'stop-feeding', source: 1, target: 2 });
    assert.equal(world.relay.sessionCount, 1);
    assert.match(world.line(`Q ${left} ${left === 'copy' ? 'C' : 'A'}`)[0] ?? '', /^60 /);
    world.line('X');
    assert.equal(world.feeds.length, 2, 'nothing is stopped twice');
    assert.equal(world.relay.pairsInUse, 0);
  }
});

test('sessions can feed each other without going round', () => {
  const world = openWorld();
  world.line('U copy 198.51.100.3 6000 C D && C source A B');
  assert.deepEqual(world.line('U source 198.51.100.1 4000 A B && C copy C D'), ['20000 192.0.2.100']);
  world.line('X');
  assert.deepEqual(world.feeds.map(({ kind }) => kind).sort(), ['feed', 'feed', 'stop-feeding', 'stop-feeding']);
});

test('one session has a bounded number of copies, and a copy that ends makes room', () => {
  const world = openWorld();
  for (let index = 0; index < 16; index++) {
    assert.doesNotMatch(world.line(`U c${index} 198.51.100.3 6000 C D && C source A B`)[0] ?? '', /-1/);
  }
  assert.match(world.line('U more 198.51.100.3 6000 C D && C source A B')[0] ?? '', / && -1$/);
  world.line('D c3 C D');
  assert.doesNotMatch(world.line('U more 198.51.100.3 6000 C D && C source A B')[0] ?? '', /-1/);
});
