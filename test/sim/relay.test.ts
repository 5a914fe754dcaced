/** The relay engine in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PairOutcome, SessionId } from '../../src/relay/plane.ts';
import { VERBS } from '../../src/rtpp/verbs.ts';
import { hostileCommand } from '../support/command-fuzz.ts';
import { RelayWorld } from '../support/relay-world.ts';

const IN_USE: PairOutcome = { kind: 'failed', reason: 'in-use', cause: 'EADDRINUSE' };

test('a pair that another program holds is passed over', () => {
  const world = new RelayWorld();
  world.open = ({ port }) => (port < 20_004 ? IN_USE : { kind: 'opened' });
  assert.deepEqual(world.line('U c 198.51.100.1 4000 A'), ['20004 192.0.2.100']);
});

test('a failure that no other pair can mend ends the search with one line', () => {
  const world = new RelayWorld();
  world.open = () => ({ kind: 'failed', reason: 'not-local', cause: 'EADDRNOTAVAIL' });
  for (let call = 0; call < 50; call++) {
    assert.deepEqual(world.line(`U c${call} 198.51.100.1 4000 A`), ['E72']);
  }
  assert.equal(world.opened.length, 50);
  assert.ok(world.logged.length <= 6, `${world.logged.length} lines for 50 failures`);
  assert.equal(world.relay.sessionCount, 0);
});

test('pain 13: a range that others use up gives E72, then E71, and leaks nothing', () => {
  const world = new RelayWorld({ maxPort: 20_005 });
  world.line('U c 198.51.100.1 4000 A');
  world.open = () => IN_USE;
  assert.deepEqual(world.line('L c 198.51.100.2 4000 A B'), ['E71']);
  assert.deepEqual(world.line('U d 198.51.100.1 4000 A'), ['E72']);
  assert.equal(world.relay.pairsInUse, 1);
});

test('a party that is the control socket, a group or everybody gets no media, and is told of once', () => {
  const world = new RelayWorld();
  for (const address of ['127.0.0.1 7722', '224.0.0.1 4000', '255.255.255.255 4000']) {
    world.line(`U ${address.replace(' ', '/')} ${address} A`);
    assert.equal(world.peers.at(-1)?.order.peer, undefined, address);
  }
  assert.equal(world.logged.filter(({ level }) => level === 'warn').length, 3);
  world.line('U c 127.0.0.1 4000 A');
  assert.equal(world.peers.at(-1)?.order.peer?.port, 4000);
});

test('R finds the address that leads to a peer, and E32 tells that none does', () => {
  const world = new RelayWorld();
  world.route = '192.0.2.7';
  assert.deepEqual(world.line('Ur203.0.113.1 c 198.51.100.1 4000 A'), ['20000 192.0.2.7']);
  world.route = undefined;
  assert.deepEqual(world.line('Ur203.0.113.1 d 198.51.100.1 4000 A'), ['E32']);
  assert.deepEqual(world.line('Lr203.0.113.1 c 198.51.100.2 5000 A B'), ['E32']);
  assert.deepEqual(world.line('U e 198.51.100.1 4000 A B && Lr203.0.113.1 198.51.100.2 5000'), ['E3']);
  assert.equal(world.relay.sessionCount, 1);
});

test('one command tries a bounded number of pairs that others hold, and the next goes on beyond', () => {
  for (const sequentialPorts of [true, false]) {
    const world = new RelayWorld({ maxPort: 21_999, sequentialPorts });
    world.open = () => IN_USE;
    for (let call = 1; call <= 5; call++) {
      assert.deepEqual(world.line(`U c${call} 198.51.100.1 4000 A`), ['E72']);
      assert.equal(world.opened.length, call * 200);
    }
    assert.equal(new Set(world.opened.map(({ port }) => port)).size, 1000, 'each pair once');
  }
});

test('replies come in the order of the commands while one waits for its ports', () => {
  const world = new RelayWorld();
  world.open = () => undefined;
  assert.deepEqual(world.line('U c 198.51.100.1 4000 A'), []);
  assert.deepEqual(world.line('V'), []);
  assert.deepEqual(world.line('L c 198.51.100.2 4000 A B'), []);
  assert.deepEqual(world.answer(), ['20000 192.0.2.100', '20040107']);
  assert.deepEqual(world.answer(), ['20002 192.0.2.100']);
});

test('pain 17: a retransmission of a command that waits for its ports is not executed again', () => {
  const world = new RelayWorld();
  world.open = () => undefined;
  world.datagram('ck U c 198.51.100.1 4000 A');
  assert.deepEqual(world.datagram('ck U c 198.51.100.1 4000 A'), []);
  assert.deepEqual(world.answer(), ['ck 20000 192.0.2.100']);
  assert.deepEqual(world.datagram('ck U c 198.51.100.1 4000 A', '127.0.0.1', 5001), ['ck 20000 192.0.2.100']);
  assert.equal(world.opened.length, 1);
  assert.equal(world.relay.sessionCount, 1);
});

test('pain 18: every reply to a datagram fits into one packet of any network, whatever is asked', () => {
  const world = new RelayWorld();
  world.line('U c 198.51.100.1 4000 A');
  const names = (name: string, count: number): string => new Array(count).fill(name).join(' ');
  for (const [index, command] of [
    `Gv ${names('npkts_resizer_discard', 90)}`,
    `Qv c A B ${names('longest_ipi', 90)}`,
    `VF ${'2'.repeat(3000)}`,
    'Ibl',
  ].entries()) {
    const [reply = ''] = world.datagram(`${'k'.repeat(900)}${index} ${command}`);
    assert.ok(reply.length > 900 && reply.length < 1200, `${command.slice(0, 20)}: ${reply.length} bytes`);
  }
});

test('commands beyond a bound are refused with E98 while one waits', () => {
  const world = new RelayWorld();
  world.open = () => undefined;
  world.line('U c 198.51.100.1 4000 A');
  for (let index = 0; index < 2000; index++) {
    world.line('V');
  }
  assert.deepEqual(world.line('V'), ['E98']);
  assert.equal(world.answer().length, 2001);
});

test('a datagram whose cookie leaves no room for a reply is dropped before it is executed', () => {
  const world = new RelayWorld();
  assert.deepEqual(world.datagram(`${'c'.repeat(1011)} U c 198.51.100.1 4000 A`), []);
  assert.equal(world.relay.sessionCount, 0);
  assert.deepEqual(world.datagram(`${'c'.repeat(1010)} V`), [`${'c'.repeat(1010)} 20040107`]);
});

test('a half-open session ends after the set-up time, a complete one after the other', () => {
  const world = new RelayWorld({ ttlSeconds: 30, setupTtlSeconds: 5 });
  world.line('U half 198.51.100.1 4000 A');
  world.line('U whole 198.51.100.1 4000 A');
  world.line('L whole 198.51.100.2 4000 A B');
  world.advance(4900);
  assert.equal(world.relay.sessionCount, 2);
  world.advance(1200);
  assert.deepEqual(world.line('L half 198.51.100.2 4000 A B'), ['0']);
  world.advance(23_000);
  assert.equal(world.relay.sessionCount, 1);
  world.advance(1000);
  assert.equal(world.relay.sessionCount, 0);
  assert.deepEqual(world.line('G nsess_timeout nsess_complete nsess_nortp'), ['2 1 1']);
  assert.equal(world.relay.pairsInUse, 0);
});

test('a packet keeps a session alive, and with -i only the leg that it came from', () => {
  for (const ttlPerLeg of [false, true]) {
    const world = new RelayWorld({ ttlSeconds: 10, setupTtlSeconds: 10, ttlPerLeg });
    world.line('U c 198.51.100.1 4000 A');
    world.line('L c 198.51.100.2 4000 A B');
    for (let second = 1; second <= 30; second++) {
      world.counters(1 as SessionId, 0).lastAcceptedAt = world.now;
      world.advance(1000);
    }
    assert.equal(world.relay.sessionCount, ttlPerLeg ? 0 : 1);
  }
});

/** A complete session, in which only the callee sends, and what it is after so many seconds. */
function oneSided(world: RelayWorld, seconds: number, ...before: string[]): number {
  world.line('U c 198.51.100.1 4000 A');
  world.line('L c 198.51.100.2 4000 A B');
  for (const line of before) {
    world.line(line);
  }
  for (let second = 1; second <= seconds; second++) {
    world.counters(1 as SessionId, 0).lastAcceptedAt = world.now;
    world.advance(1000);
  }
  return world.relay.sessionCount;
}

test('pain 5: with -i the log says which party fell silent', () => {
  const world = new RelayWorld({ ttlSeconds: 10, ttlPerLeg: true });
  assert.equal(oneSided(world, 30), 0);
  const { fields } = world.logged.at(-1) ?? {};
  assert.deepEqual([fields?.['reason'], fields?.['silent']], ['timeout', ['caller']]);
});

test('pain 5: while a party is on hold, silence ends the session only after the time for hold', () => {
  for (const [ttlPerLeg, hold] of [
    [false, 'U c 0.0.0.0 4000 A B'],
    [true, 'U c 0.0.0.0 4000 A B'],
    [true, 'L c 0.0.0.0 5000 A B'],
  ] as const) {
    const world = new RelayWorld({ ttlSeconds: 10, ttlPerLeg, holdTtlSeconds: 100 });
    oneSided(world, 0, hold);
    world.advance(99_000);
    assert.equal(world.relay.sessionCount, 1, hold);
    assert.deepEqual(world.line('Q c A B').length, 1, 'it can be asked about');
    world.advance(3000);
    assert.equal(world.relay.sessionCount, 0, 'but not for ever');
  }
});

test('pain 5: resumed, the session has its usual time again', () => {
  const world = new RelayWorld({ ttlSeconds: 10, holdTtlSeconds: 1000 });
  oneSided(world, 0, 'U c 0.0.0.0 4000 A B');
  world.advance(500_000);
  world.line('U c 198.51.100.1 4000 A B');
  world.advance(9000);
  assert.equal(world.relay.sessionCount, 1);
  world.advance(3000);
  assert.equal(world.relay.sessionCount, 0);
});

test('pain 5: a time for hold below -T shortens nothing', () => {
  const world = new RelayWorld({ ttlSeconds: 60, holdTtlSeconds: 1 });
  oneSided(world, 0, 'U c 0.0.0.0 4000 A B');
  world.advance(58_000);
  assert.equal(world.relay.sessionCount, 1);
});

test('pain 5: a zombie whose party never stops sending ends with the highest age, and its proxy is told', () => {
  const notifyTargets = [{ kind: 'unix', path: '/n' }] as const;
  const world = new RelayWorld({ ttlSeconds: 10, maxLifetimeSeconds: 3600, notifyTargets });
  assert.equal(oneSided(world, 3599, 'U c 198.51.100.1 4000 A B unix:/n tag'), 1);
  world.advance(2000);
  assert.equal(world.relay.sessionCount, 0);
  assert.equal(world.logged.at(-1)?.fields['reason'], 'max-lifetime');
  assert.equal(world.notified.length, 1);
  assert.deepEqual(world.line('G nsess_timeout'), ['1']);
});

test('S ttl=N is in force at once', () => {
  const world = new RelayWorld();
  world.line('U c 198.51.100.1 4000 A && S ttl=2');
  assert.deepEqual(world.line('Q c A'), ['2 0 0 0 0']);
  world.advance(3100);
  assert.equal(world.relay.sessionCount, 0);
});

test('offer, answer and end are one line each, with Call-ID and ports', () => {
  const world = new RelayWorld();
  world.line('U call-1 198.51.100.1 4000 A');
  world.line('L call-1 198.51.100.2 5000 A B');
  world.line('U call-1 198.51.100.1 4000 A B');
  world.line('D call-1 A B');
  assert.deepEqual(
    world.logged.map(({ sentence }) => sentence),
    ['session offered', 'session answered', 'session ended'],
  );
  assert.ok(world.logged.every(({ fields, level }) => fields['callId'] === 'call-1' && level === 'info'));
  assert.deepEqual(world.logged[2]?.fields['ports'], [20_002, 20_000]);
  assert.equal(world.logged[2]?.fields['reason'], 'delete');
});

test('pain 15: a party cannot be given a port of its own session as its address', () => {
  const world = new RelayWorld();
  world.line('U c 198.51.100.1 4000 A');
  world.line('L c 198.51.100.2 5000 A B');
  const peers: unknown[] = [];
  for (const port of [20_000, 20_001, 20_002, 20_003]) {
    world.line(`U c 192.0.2.100 ${port} A`);
    peers.push(world.peers.at(-1)?.order.peer);
  }
  assert.deepEqual(peers, [undefined, undefined, undefined, undefined]);
  world.line('U c 192.0.2.100 20004 A');
  assert.deepEqual(world.peers.at(-1)?.order.peer, { address: '192.0.2.100', port: 20_004 });
});

test('draining refuses new sessions, serves the old ones and ends with the last', () => {
  const world = new RelayWorld();
  world.line('U c 198.51.100.1 4000 A');
  world.drain();
  assert.deepEqual(world.line('U d 198.51.100.1 4000 A'), ['E99']);
  assert.deepEqual(world.line('L c 198.51.100.2 5000 A B'), ['20002 192.0.2.100']);
  assert.equal(world.drained, false);
  world.line('D c A');
  assert.equal(world.drained, true);
});

test('draining without sessions ends at once', () => {
  const world = new RelayWorld();
  world.drain();
  assert.equal(world.drained, true);
});

test('nothing wakes a relay that has nothing to do', () => {
  const world = new RelayWorld();
  assert.equal(world.relay.nextTimeoutAt(), Number.POSITIVE_INFINITY);
  world.datagram('ck U c 198.51.100.1 4000 A');
  world.line('X');
  world.advance(60_000);
  assert.equal(world.relay.nextTimeoutAt(), Number.POSITIVE_INFINITY);
});

test('no session ends under a command that opens a port for it', () => {
  const world = new RelayWorld({ setupTtlSeconds: 2 });
  world.line('U c 198.51.100.1 4000 A');
  world.open = () => undefined;
  world.line('L c 198.51.100.2 5000 A B');
  world.advance(10_000);
  assert.deepEqual(world.answer(), ['20002 192.0.2.100']);
  assert.equal(world.relay.pairsInUse, world.relay.sessionCount * 2);
});

test('a shutdown in the middle of a command ends every session', () => {
  const world = new RelayWorld();
  world.line('U c 198.51.100.1 4000 A');
  world.open = () => undefined;
  world.line('L c 198.51.100.2 5000 A B');
  world.shutdown();
  assert.deepEqual(world.answer(), []);
  assert.equal(world.relay.sessionCount, 0);
  assert.equal(world.relay.pairsInUse, 0);
});

const word = fc.constantFrom(
  'c',
  'd',
  'A',
  'B',
  'A;1',
  '192.0.2.1',
  '0.0.0.0',
  '4000',
  '0',
  '&&',
  'ttl=3',
  'ttl',
  '::1',
  '%zz',
  'x',
);
const verb = fc.constantFrom(...Object.keys(VERBS), 'Uw', 'Un', 'Lw', 'U6', 'Dw', 'Qv', 'Gv', 'Z', 'UL{x}', 'Ia');
const plausible = fc.constantFrom(
  'U c 192.0.2.1 4000 A',
  'U d 192.0.2.1 4000 A;1 B;1 && L 192.0.2.2 5000',
  'L c 192.0.2.2 5000 A B',
  'Un c 192.0.2.2 5000 B A',
  'D c A B',
  'Q c A B && D',
  'U d 192.0.2.1 4000 A B && C c A B && L 192.0.2.2 5000',
  'U c 192.0.2.1 4000 A B && C d A B',
  'U c 192.0.2.1 4000 A unix:/keys tag && M3:1 keys 101 h',
  'Vcall tag',
  'Vcall tag totag',
  'Dcall tag totag',
);
const command = fc.oneof(
  plausible,
  fc.tuple(verb, fc.array(word, { maxLength: 9 })).map(([first, rest]) => [first, ...rest].join(' ')),
  fc.string({ unit: 'binary', maxLength: 80 }),
);
const step = fc.record({
  command,
  datagram: fc.boolean(),
  passMs: fc.constantFrom(0, 0, 10, 2000),
  outcome: fc.constantFrom<PairOutcome>({ kind: 'opened' }, { kind: 'opened' }, IN_USE, {
    kind: 'failed',
    reason: 'no-descriptors',
    cause: 'EMFILE',
  }),
});

test('whatever commands come, every line is answered once, and after X no port is in use', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom('off', 'auto', 'only'), (steps, imsDialect) => {
      const world = new RelayWorld({
        imsDialect,
        ttlSeconds: 5,
        setupTtlSeconds: 2,
        notifyTargets: [{ kind: 'unix', path: '/keys' }],
      });
      for (const [index, { command: text, datagram, passMs, outcome }] of steps.entries()) {
        world.open = () => outcome;
        const replies = datagram ? world.datagram(`ck${index} ${text}`) : world.line(text);
        assert.equal(replies.length, 1, text);
        assert.ok(world.relay.pairsInUse <= world.relay.sessionCount * 2);
        assert.ok(world.relay.pairsInUse >= world.relay.sessionCount);
        world.advance(passMs);
      }
      world.line('X');
      assert.equal(world.relay.pairsInUse, 0);
      assert.equal(world.relay.sessionCount, 0);
    }),
    { numRuns: 300 },
  );
});

const LOCAL = [
  { address: '127.0.0.1', family: 4, advertised: undefined, label: undefined },
  { address: '::1', family: 6, advertised: 'media.example', label: 'six' },
  { address: '127.0.0.2', family: 4, advertised: '192.0.2.9', label: 'two' },
] as const;
const hostileStep = fc.record({
  command: hostileCommand(),
  datagram: fc.boolean(),
  passMs: fc.constantFrom(0, 0, 0, 10, 1000),
  opens: fc.constantFrom(true, true, true, false),
});

test('what hostile commands have opened is closed once time has passed', () => {
  fc.assert(
    fc.property(
      fc.array(hostileStep, { maxLength: 80 }),
      fc.constantFrom('off', 'auto', 'only'),
      fc.boolean(),
      (steps, imsDialect, bridging) => {
        const world = new RelayWorld({
          imsDialect,
          addresses: [...LOCAL],
          external: bridging ? LOCAL[2] : undefined,
          ttlSeconds: 3,
          setupTtlSeconds: 2,
          recording: { format: 'pcap', everySession: false },
          notifyTargets: [{ kind: 'tcp', host: '127.0.0.1', port: 9 }],
        });
        for (const [index, { command: text, datagram, passMs, opens }] of steps.entries()) {
          const outcome: PairOutcome = opens
            ? { kind: 'opened' }
            : { kind: 'failed', reason: 'other', cause: 'a test' };
          world.open = () => outcome;
          world.openTap = () => outcome;
          world.openPlayer = () => outcome;
          const replies = datagram ? world.datagram(`ck${index} ${text}`) : world.line(text);
          assert.equal(replies.length, 1, text);
          assert.ok(Buffer.byteLength(replies[0] ?? '', 'latin1') <= 1024, text);
          world.advance(passMs);
        }
        // `S ttl=…` may have given a session longer than any test has.
        world.line('X');
        world.advance(60_000);
        assert.equal(world.relay.sessionCount, 0);
        assert.equal(world.relay.pairsInUse, 0);
        assert.deepEqual(world.line('G nsess_created nplrs_created'), world.line('G nsess_destroyed nplrs_destroyed'));
        assert.ok(world.closedTaps.length <= world.taps.length);
        assert.equal(new Set(world.closedTaps).size, world.closedTaps.length, 'each tap is closed once');
      },
    ),
    { numRuns: 300 },
  );
});
