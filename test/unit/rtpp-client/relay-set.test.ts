import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RtppOutcome } from '../../../src/rtpp-client/outcome.ts';
import type { ProbeVerdict } from '../../../src/rtpp-client/probe.ts';
import { type RelaySetEffect, RelaySetEngine } from '../../../src/rtpp-client/relay-set.ts';
import { RELAY_SET_DEFAULTS } from '../../../src/rtpp-client/relay-set-policy.ts';

const RELAY: ProbeVerdict = {
  kind: 'rtpproxy',
  version: '20040107',
  ecode: undefined,
  capabilities: ['20040107', '20050322'],
};
const REPLY: RtppOutcome = {
  kind: 'reply',
  reply: { kind: 'number', value: 35_000, address: undefined, family: 4, results: [] },
};

function error(code: number): RtppOutcome {
  return { kind: 'reply', reply: { kind: 'error', code } };
}

function told(effects: readonly RelaySetEffect[]): string[] {
  return effects.map((effect) => {
    const text = `${effect.kind} ${effect.member}`;
    return effect.kind === 'disabled' ? `${text}: ${effect.reason}, ${effect.left} left` : text;
  });
}

/** Relays by weight, all of them probed and found. */
function set(weights: Readonly<Record<string, number>>): RelaySetEngine {
  const engine = new RelaySetEngine(RELAY_SET_DEFAULTS);
  engine.configure(
    0,
    Object.entries(weights).map(([name, weight]) => ({ name, weight })),
  );
  for (const name of Object.keys(weights)) {
    engine.handleVerdict(0, name, RELAY);
  }
  return engine;
}

function placements(engine: RelaySetEngine, count: number, now = 1): string {
  return Array.from({ length: count }, (_, i) => engine.place(now, `s${i}`) ?? '-').join('');
}

test('every relay is probed at the start, and says V and VF right before it counts as working', () => {
  const engine = new RelaySetEngine(RELAY_SET_DEFAULTS);
  const members = ['a', 'b', 'c', 'd'].map((name) => ({ name, weight: 1 }));
  assert.deepEqual(told(engine.configure(0, members)).sort(), ['probe a', 'probe b', 'probe c', 'probe d']);
  assert.deepEqual(told(engine.handleVerdict(1, 'a', RELAY)), ['enabled a']);
  assert.deepEqual(told(engine.handleVerdict(1, 'b', { kind: 'absent' })), ['disabled b: connection refused, 3 left']);
  assert.deepEqual(told(engine.handleVerdict(1, 'c', { ...RELAY, capabilities: ['20040107'] })), [
    'disabled c: it lacks capability 20050322, several streams of a call, 2 left',
  ]);
  assert.deepEqual(told(engine.handleVerdict(1, 'd', { kind: 'foreign', answer: 'SIP/2.0 400' })), [
    'disabled d: what answers there is no RTPP relay: "SIP/2.0 400", 1 left',
  ]);
  assert.equal(placements(engine, 3), 'aaa');
});

test('new sessions are shared by weight, evenly mixed; a spare has none while another works', () => {
  assert.equal(placements(set({ a: 1, b: 3 }), 8), 'babbbabb');
  assert.equal(placements(set({ a: 0, b: 1 }), 4), 'bbbb');
  assert.equal(placements(set({ a: 0, b: 0 }), 4), 'abab');
});

test('a session stays where it began, also while its relay is down, and is forgotten when it is over', () => {
  const engine = set({ a: 1, b: 1 });
  assert.equal(engine.place(1, 'call'), 'a');
  engine.handleOutcome(3000, 'a', 1, { kind: 'timeout' });
  assert.equal(engine.place(3001, 'call'), 'a');
  assert.equal(engine.memberOf('call'), 'a');
  assert.deepEqual(engine.forget('call'), []);
  assert.equal(engine.memberOf('call'), undefined);
  assert.equal(engine.place(3002, 'call'), 'b');
  assert.equal(engine.sessionCount, 1);
});

test('a relay without an answer is disabled at once; its probes come after 1, 2, 4, 8, 16, 30, 30 s', () => {
  for (const kind of ['timeout', 'refused', 'disconnected'] as const) {
    const engine = set({ a: 1, b: 1 });
    assert.equal(told(engine.handleOutcome(3000, 'a', 1, { kind })).length, 1);
    assert.deepEqual(engine.handleOutcome(3001, 'a', 1, { kind }), [], 'told once');
    assert.equal(placements(engine, 3, 3001), 'bbb');
    let now = 3000;
    for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
      engine.handleOutcome(now, 'b', now, REPLY);
      const due = now + seconds * 1000;
      const probes = [];
      while (engine.nextTimeoutAt() <= due) {
        now = Math.max(now, engine.nextTimeoutAt());
        for (const effect of engine.handleTimeout(now)) {
          if (effect.kind === 'check') {
            engine.handleOutcome(now, effect.member, now, REPLY);
          } else {
            probes.push(`${effect.kind} ${effect.member} ${now}`);
          }
        }
      }
      assert.deepEqual(probes, [`probe a ${due}`]);
      now = due;
      assert.deepEqual(engine.handleVerdict(now, 'a', { kind: 'silent' }), []);
    }
    const [back] = engine.handleVerdict(now + 1, 'a', RELAY);
    assert.ok(back?.kind === 'enabled');
    assert.equal(back.downMs, now + 1 - 3000);
  }
});

test('a relay that nothing was heard of for 5 s is asked V; without an answer it is disabled before a call meets it', () => {
  const engine = set({ a: 1, b: 1 });
  engine.handleOutcome(2000, 'b', 1999, REPLY);
  assert.equal(engine.nextTimeoutAt(), 5000);
  assert.deepEqual(told(engine.handleTimeout(5000)), ['check a']);
  assert.deepEqual(engine.handleTimeout(6000), [], 'one at a time');
  assert.deepEqual(told(engine.handleOutcome(6500, 'a', 5000, { kind: 'timeout' })), ['disabled a: no answer, 1 left']);
  assert.deepEqual(told(engine.handleTimeout(7000)), ['check b']);
});

test('a command lost among others that are answered disables nobody', () => {
  const engine = set({ a: 1, b: 1 });
  engine.handleOutcome(2000, 'a', 1990, REPLY);
  assert.deepEqual(engine.handleOutcome(3000, 'a', 1000, { kind: 'timeout' }), []);
  assert.ok(engine.isUp('a'));
  assert.deepEqual(told(engine.handleOutcome(5500, 'a', 2500, { kind: 'timeout' })), ['disabled a: no answer, 1 left']);
});

test('a relay without room comes last for a second, one that drains for ten; neither is disabled', () => {
  for (const [code, restMs] of [
    [71, 1000],
    [72, 1000],
    [98, 1000],
    [99, 10_000],
  ] as const) {
    const engine = set({ a: 1, b: 1 });
    assert.deepEqual(engine.handleOutcome(10, 'a', 9, error(code)), []);
    assert.equal(placements(engine, 3, 9 + restMs), 'bbb', `E${code}`);
    assert.ok(Array.from({ length: 2 }, (_, i) => engine.place(10 + restMs, `x${i}`)).includes('a'), `E${code}`);
    assert.ok(engine.isUp('a'));
  }
  const engine = set({ a: 1, b: 1 });
  engine.handleOutcome(10, 'a', 9, error(50));
  assert.equal(placements(engine, 2, 11), 'ab', 'other refusals say nothing about the relay');
});

test('those that failed a session are passed over for it, and it remembers where it began at last', () => {
  const engine = set({ a: 1, b: 1 });
  assert.equal(engine.place(1, 'call'), 'a');
  assert.equal(engine.place(1, 'call', new Set(['a'])), 'b');
  assert.equal(engine.memberOf('call'), 'b');
  assert.equal(engine.place(1, 'call', new Set(['a', 'b'])), undefined);
  assert.equal(engine.memberOf('call'), undefined);
  assert.equal(engine.sessionCount, 0);
});

test('when all are down each is tried all the same, and an answer makes for a probe at once', () => {
  const engine = set({ a: 1, b: 1 });
  engine.handleOutcome(1, 'a', 0, { kind: 'refused' });
  assert.deepEqual(told(engine.handleOutcome(1, 'b', 0, { kind: 'refused' })), [
    'disabled b: connection refused, 0 left',
  ]);
  const first = engine.place(2, 'call');
  assert.ok(first !== undefined);
  const second = engine.place(2, 'call', new Set([first]));
  assert.ok(second !== undefined && second !== first);
  engine.handleOutcome(3, second, 2, REPLY);
  assert.deepEqual(told(engine.handleTimeout(engine.nextTimeoutAt())), [`probe ${second}`]);
  assert.deepEqual(told(engine.handleVerdict(4, second, RELAY)), [`enabled ${second}`]);
  assert.equal(engine.memberOf('call'), second);
});

test('a relay that returns while its calls go on is told of with their number', () => {
  const engine = set({ a: 1, b: 1 });
  engine.place(1, 'call');
  engine.handleOutcome(2, 'a', 1, { kind: 'refused' });
  engine.handleTimeout(1002);
  assert.deepEqual(engine.handleVerdict(1003, 'a', RELAY), [
    { kind: 'enabled', member: 'a', downMs: 1001, sessions: 1 },
  ]);
});

test('one relay alone is never asked, never disabled, and always chosen', () => {
  const engine = new RelaySetEngine(RELAY_SET_DEFAULTS);
  assert.deepEqual(engine.configure(0, [{ name: 'a', weight: 1 }]), []);
  assert.equal(engine.alone, 'a');
  assert.equal(engine.nextTimeoutAt(), Number.POSITIVE_INFINITY);
  assert.deepEqual(engine.handleOutcome(1, 'a', 0, { kind: 'timeout' }), []);
  assert.equal(engine.place(2, 'call'), 'a');
  assert.equal(engine.place(2, 'call', new Set(['a'])), undefined);
});

test('relays come and go while calls go on: a call keeps its relay, which retires with its last one', () => {
  const engine = new RelaySetEngine(RELAY_SET_DEFAULTS);
  engine.configure(0, [{ name: 'a', weight: 1 }]);
  engine.place(1, 'old');
  const both = [
    { name: 'a', weight: 1 },
    { name: 'b', weight: 1 },
  ];
  assert.deepEqual(told(engine.configure(2, both)).sort(), ['probe a', 'probe b']);
  engine.handleVerdict(3, 'a', RELAY);
  engine.handleVerdict(3, 'b', RELAY);
  assert.deepEqual(engine.configure(4, [{ name: 'b', weight: 2 }]), [], 'a still has a call');
  assert.equal(placements(engine, 3, 5), 'bbb');
  assert.equal(engine.place(5, 'old'), 'a');
  assert.deepEqual(told(engine.forget('old')), ['retired a']);
  assert.deepEqual(engine.handleVerdict(6, 'a', RELAY), [], 'nobody is left to be told of');
  assert.deepEqual(told(engine.configure(7, both)).sort(), ['probe a', 'probe b']);
  assert.deepEqual(told(engine.configure(8, [{ name: 'b', weight: 2 }])), ['retired a']);
});
