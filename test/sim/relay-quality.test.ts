/** What the relay says of a call's media, in virtual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionId, Side } from '../../src/relay/plane.ts';
import type { StreamReport } from '../../src/relay/quality/report.ts';
import { rtpDatagram } from '../support/datagram-view.ts';
import { RelayWorld } from '../support/relay-world.ts';

const CALLEE = 0;
const CALLER = 1;
const CALL = 1 as SessionId;

/**
 * A call between 198.51.100.1 and .2 that is complete.
 * @param situation of the answer, as a proxy of ours tells it; '': any other proxy
 */
function call(callId = 'call', situation: 'H0' | 'H2' | '' = 'H0'): RelayWorld {
  const world = new RelayWorld();
  world.line(`U${situation === '' ? '' : 'H2'} ${callId} 198.51.100.1 4000 from`);
  world.line(`L${situation} ${callId} 198.51.100.2 4000 from to`);
  return world;
}

interface Speech {
  readonly sides: readonly Side[];
  readonly ms: number;
  readonly payloadType?: number;
  /** Of the sequence numbers, which never arrive. */
  readonly loses?: (sequenceNumber: number) => boolean;
  readonly relayed?: boolean;
}

/** Packets of 20 ms, as a plane counts them. */
function speak(world: RelayWorld, { sides, ms, payloadType = 0, loses = () => false, relayed = true }: Speech): void {
  for (let spoken = 0; spoken < ms; spoken += 20) {
    for (const side of sides) {
      const sequenceNumber = world.now / 20;
      if (loses(sequenceNumber)) {
        continue;
      }
      const counters = world.counters(CALL, side);
      counters.countAccepted(true);
      counters.lastAcceptedAt = world.now;
      const header = { payloadType, sequenceNumber, timestamp: sequenceNumber * 160, ssrc: side + 1 };
      counters.analysis.add(world.now, rtpDatagram(header, Buffer.alloc(160)));
      relayed ? counters.countRelayed(true) : counters.countDropped(true);
    }
    world.advance(20);
  }
}

function streamOf(world: RelayWorld): StreamReport {
  const [stream] = world.relay.streams(world.now, 10);
  assert.ok(stream !== undefined);
  return stream;
}

/** Verdicts that were told, in order. */
function told(world: RelayWorld): string[] {
  return world.told.map(({ party, verdict }) => `${party} ${verdict}`);
}

test('a call that both parties hear is told by nothing but its figures', () => {
  const world = call();
  speak(world, { sides: [CALLER, CALLEE], ms: 10_000 });
  const { caller, callee, upMs } = streamOf(world);
  assert.deepEqual(told(world), []);
  assert.deepEqual([caller.verdict, callee.verdict], ['flows', 'flows']);
  assert.deepEqual([caller.codec, caller.packets, caller.lost, caller.jitterMs], ['PCMU', 500, 0, 0]);
  assert.deepEqual([caller.mos, caller.mosNow, caller.mosLow], [4.41, 4.41, 4.41]);
  assert.ok(upMs !== null && upMs >= 8000);
  assert.equal(caller.words, "caller's RTP arrives at 192.0.2.100:20002");
});

test('one party that is never heard is named within 3 s, with the address that it should send to', () => {
  const world = call();
  speak(world, { sides: [CALLEE], ms: 3000 });
  assert.deepEqual(told(world), ['caller never-arrived']);
  assert.match(streamOf(world).caller.words, /^caller's RTP never arrived at 192\.0\.2\.100:20002: firewall or NAT on/);
  const line = world.logged.find(({ fields }) => fields['verdict'] === 'never-arrived');
  assert.equal(line?.level, 'warn');
  assert.equal(line?.fields['reason'], streamOf(world).caller.words);
});

test('where neither is heard, the relay itself is in doubt', () => {
  const world = call();
  world.advance(3000);
  assert.deepEqual(told(world).sort(), ['callee never-arrived', 'caller never-arrived']);
  assert.match(
    streamOf(world).callee.words,
    /^neither party's RTP arrived: the callee's should come to 192.0.2.100:20000/,
  );
});

test('a party that is heard at last was late', () => {
  const world = call();
  speak(world, { sides: [CALLEE], ms: 5000 });
  speak(world, { sides: [CALLER, CALLEE], ms: 2000 });
  assert.deepEqual(told(world), ['caller never-arrived', 'caller late']);
  assert.match(streamOf(world).caller.words, /began late/);
});

test('a party that stops is told within 3 s, and so is its return', () => {
  const world = call();
  speak(world, { sides: [CALLER, CALLEE], ms: 4000 });
  speak(world, { sides: [CALLEE], ms: 3000 });
  assert.deepEqual(told(world), ['caller silent']);
  // It may be a mute.
  assert.equal(world.logged.find(({ fields }) => fields['verdict'] === 'silent')?.level, 'info');
  speak(world, { sides: [CALLER, CALLEE], ms: 1000 });
  assert.deepEqual(told(world), ['caller silent', 'caller flows']);
});

test('hold is understood: nothing is expected, and the clock begins anew with its end', () => {
  const world = call();
  speak(world, { sides: [CALLER, CALLEE], ms: 3000 });
  world.line('U call 0.0.0.0 4000 from to');
  world.advance(20_000);
  assert.deepEqual(told(world).sort(), ['callee held', 'caller held']);
  world.line('U call 198.51.100.1 4000 from to');
  world.advance(1000);
  speak(world, { sides: [CALLER, CALLEE], ms: 5000 });
  assert.deepEqual(
    world.told.filter(({ verdict }) => verdict !== 'held' && verdict !== 'flows'),
    [],
  );
});

test('while it rings nothing is missed; from the answer on it is, within 3 s', () => {
  const world = call('call', 'H2');
  speak(world, { sides: [CALLER], ms: 30_000 });
  assert.deepEqual(told(world), []);
  assert.equal(streamOf(world).callee.verdict, 'waiting');
  world.line('LH0 call 198.51.100.2 4000 from to');
  speak(world, { sides: [CALLER], ms: 1000 });
  assert.deepEqual(told(world), []);
  speak(world, { sides: [CALLER], ms: 2000 });
  assert.deepEqual(told(world), ['callee never-arrived']);
  assert.equal(streamOf(world).callee.words.includes('rings'), false);
});

test('a call that rang for long and is heard from its answer on was not late', () => {
  for (const situation of ['H', ''] as const) {
    const world = call('call', situation === '' ? '' : 'H2');
    speak(world, { sides: [CALLER], ms: 20_000 });
    world.line(`L${situation === '' ? '' : 'H0'} call 198.51.100.2 4000 from to`);
    speak(world, { sides: [CALLER, CALLEE], ms: 5000 });
    assert.equal(streamOf(world).callee.verdict, 'flows', situation);
  }
});

test('a proxy that does not say who rings: what is missed is told as a doubt, until no call rings any more', () => {
  const world = call('call', '');
  speak(world, { sides: [CALLER], ms: 4000 });
  assert.deepEqual(told(world), ['callee never-arrived']);
  assert.match(streamOf(world).callee.words, /callee's side; nothing is wrong if it still rings, which this IMS/);
  assert.equal(world.logged.find(({ fields }) => fields['verdict'] === 'never-arrived')?.level, 'info');
  speak(world, { sides: [CALLER], ms: 180_000 });
  assert.match(streamOf(world).callee.words, /callee's side$/);
});

test('hold by a=sendonly and a=inactive, as a proxy of ours tells it: nothing is expected until it ends', () => {
  const world = call();
  speak(world, { sides: [CALLER, CALLEE], ms: 3000 });
  world.line('UH1 call 198.51.100.1 4000 from to');
  world.line('LH0 call 198.51.100.2 4000 from to');
  speak(world, { sides: [CALLER], ms: 20_000 });
  assert.deepEqual(told(world).sort(), ['callee held', 'caller held']);
  assert.equal(streamOf(world).callee.words, 'on hold: no RTP is expected');
  world.line('UH0 call 198.51.100.1 4000 from to');
  world.line('LH0 call 198.51.100.2 4000 from to');
  speak(world, { sides: [CALLER], ms: 4000 });
  assert.equal(streamOf(world).callee.verdict, 'silent', 'the end of the hold is one');
});

test('the same of any other proxy: who falls silent as a new offer comes is on hold, it seems', () => {
  const world = call('call', '');
  speak(world, { sides: [CALLER, CALLEE], ms: 10_000 });
  world.line('U call 198.51.100.1 4000 from to');
  speak(world, { sides: [CALLER, CALLEE], ms: 200 });
  world.line('L call 198.51.100.2 4000 from to');
  speak(world, { sides: [CALLER], ms: 10_000 });
  assert.deepEqual(told(world), ['callee held']);
  assert.match(streamOf(world).callee.words, /^on hold, it seems: callee's RTP stopped when signalling/);
  // The session is prolonged (RFC 4028): it is on hold as before.
  world.line('U call 198.51.100.1 4000 from to');
  world.line('L call 198.51.100.2 4000 from to');
  speak(world, { sides: [CALLER], ms: 10_000 });
  assert.equal(streamOf(world).callee.verdict, 'held');
  speak(world, { sides: [CALLER, CALLEE], ms: 8000 });
  assert.equal(streamOf(world).callee.verdict, 'flows');
  speak(world, { sides: [CALLER], ms: 4000 });
  assert.equal(streamOf(world).callee.verdict, 'silent', 'no offer is near');
});

test('an offer that names another address is no hold: who is not heard after it is missed', () => {
  const world = call('call', '');
  speak(world, { sides: [CALLER, CALLEE], ms: 10_000 });
  world.line('U call 198.51.100.7 4000 from to');
  world.line('L call 198.51.100.2 4000 from to');
  speak(world, { sides: [CALLEE], ms: 4000 });
  assert.deepEqual(told(world), ['caller silent']);
});

test('RTP on the port of RTCP, or on the one of the other party, goes to the wrong port', () => {
  const rtcp = call();
  for (let count = 0; count < 50; count += 1) {
    rtcp.counters(CALL, CALLEE).countRefused(false, 1);
  }
  speak(rtcp, { sides: [CALLER], ms: 3000 });
  assert.deepEqual(told(rtcp), ['callee wrong-port']);
  const crossed = call();
  crossed.counters(CALL, CALLER).countRefused(true, 50);
  speak(crossed, { sides: [CALLER], ms: 3000 });
  assert.equal(streamOf(crossed).callee.words, 'callee sends to the wrong port: its RTP belongs to 192.0.2.100:20000');
});

test('only strangers at the port of a party: signalling and the network disagree', () => {
  const world = call();
  world.counters(CALL, CALLEE).countRefused(true, 50);
  speak(world, { sides: [CALLER], ms: 3000 });
  assert.deepEqual(told(world), ['callee stranger']);
  assert.match(streamOf(world).callee.words, /not from the callee at 198\.51\.100\.2:4000/);
});

test('packets that nobody can be sent are undeliverable', () => {
  const world = call();
  speak(world, { sides: [CALLER], ms: 4000, relayed: false });
  assert.deepEqual(told(world).sort(), ['callee never-arrived', 'caller undeliverable']);
});

test('loss is told in percent and heard in the score, of the whole call and of its worst seconds', () => {
  const world = call();
  speak(world, { sides: [CALLER, CALLEE], ms: 20_000 });
  speak(world, { sides: [CALLER, CALLEE], ms: 6000, loses: (number) => number % 5 === 0 });
  speak(world, { sides: [CALLER, CALLEE], ms: 20_000 });
  const { mos, mosNow, mosLow, lost, lossPercent } = streamOf(world).caller;
  assert.equal(lost, 60);
  assert.ok(lossPercent > 2.5 && lossPercent < 2.7, `${lossPercent}`);
  assert.ok(mos !== null && mosLow !== null && mosLow < 3 && mos > 3.8, `${mos} ${mosLow}`);
  assert.equal(mosNow, 4.41);
});

test('the end of a call says how it was', () => {
  const world = call();
  speak(world, { sides: [CALLER, CALLEE], ms: 2000, payloadType: 9 });
  world.line('D call from to');
  const line = world.logged.find(({ sentence }) => sentence === 'session ended');
  assert.deepEqual(line?.fields['codec'], ['G722', 'G722']);
  assert.deepEqual(line?.fields['mos'], [4.34, 4.34]);
  assert.deepEqual(line?.fields['verdict'], ['flows', 'flows']);
});

test('a call whose media turns for ever is told a bounded number of times', () => {
  const world = call();
  for (let round = 0; round < 40; round += 1) {
    speak(world, { sides: [CALLER, CALLEE], ms: 1100 });
    speak(world, { sides: [CALLER], ms: 3100 });
  }
  assert.ok(told(world).length <= 20, `${told(world).length}`);
  assert.equal(streamOf(world).callee.verdict, 'silent');
});

test('calls with a dead direction are told first, and no more than were asked for', () => {
  const world = call('a');
  speak(world, { sides: [CALLER, CALLEE], ms: 1000 });
  for (const name of ['b', 'c']) {
    world.line(`U ${name} 198.51.100.1 4000 from`);
    world.line(`L ${name} 198.51.100.2 4000 from to`);
  }
  speak(world, { sides: [CALLER, CALLEE], ms: 4000 });
  const streams = world.relay.streams(world.now, 2).map(({ callId }) => callId);
  assert.deepEqual(streams.sort(), ['b', 'c']);
});
