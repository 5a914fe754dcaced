/** Rules of the kernel's program that hold wherever it runs. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { arrivingFrame, BOTH_FAMILIES, IPV4_PARTIES, type ProgramCase, SSRC, sentFrame } from './program-cases.ts';
import type { Passage, ProgramRunner } from './program-runners.ts';
import { type RtpParts, rtpPacket, udpFrame } from './rtp-frames.ts';

export function testCase(runner: ProgramRunner, the: ProgramCase): void {
  const { key, flow } = the.parties;
  runner.install(key, { ...flow, ...the.flow });
  const arriving = arrivingFrame(the);
  const passage = runner.run(arriving, the.facts);
  const counters = runner.counters(key);
  const leftReasons = Object.entries(runner.left).filter(([, count]) => count > 0);
  if (the.outcome === 'sent') {
    assert.equal(passage.verdict, 'sent');
    assert.equal(passage.frame.toString('hex'), sentFrame(the).toString('hex'));
    assert.equal(counters.packets, 1);
    assert.equal(counters.bytes, (the.payload ?? rtpPacket(the.rtp)).length);
    assert.equal(counters.lost, 0);
    assert.equal(counters.toSocket, 0);
    assert.deepEqual(leftReasons, []);
  } else {
    assert.equal(passage.verdict, 'stack');
    assert.equal(passage.frame.toString('hex'), arriving.toString('hex'), 'what goes to the socket is as it came');
    assert.equal(counters.packets, 0);
    assert.deepEqual(leftReasons, the.outcome === 'stack' ? [] : [[the.outcome, 1]]);
    assert.equal(counters.toSocket, the.outcome === 'stack' ? 0 : 1);
  }
}

/** `suffix` tells where the tests run. */
export function testRules(makeRunner: (t: TestContext) => ProgramRunner | undefined, suffix = ''): void {
  const rule = (name: string, body: (runner: ProgramRunner) => void): void => {
    test(`${name}${suffix}`, (t) => {
      const runner = makeRunner(t);
      if (runner !== undefined) {
        body(runner);
      }
    });
  };

  for (const { key, flow } of BOTH_FAMILIES) {
    rule(
      `IPv${key.family}: nothing is forwarded once the deadline has passed, and again when it is moved`,
      (runner) => {
        runner.install(key, flow);
        const frame = udpFrame({ from: key.remote, to: key.local, payload: rtpPacket() });
        runner.keepAlive(-1);
        assert.equal(runner.run(frame).verdict, 'stack');
        assert.equal(runner.left.dead, 1);
        runner.keepAlive(60_000);
        assert.equal(runner.run(frame).verdict, 'sent');
      },
    );
  }

  rule('the packet leaves with the mark of its flow', (runner) => {
    runner.install(IPV4_PARTIES.key, { ...IPV4_PARTIES.flow, mark: 0xabcd1234 });
    assert.equal(send(runner).mark, 0xabcd1234);
  });

  rule('a packet that was left to the socket is not overtaken until it is settled', (runner) => {
    runner.install(IPV4_PARTIES.key, { ...IPV4_PARTIES.flow, keepOrder: true });
    assert.equal(send(runner, { sequence: 1 }).verdict, 'sent');
    assert.equal(send(runner, { sequence: 2, payloadType: 101 }).verdict, 'stack');
    assert.equal(send(runner, { sequence: 3 }).verdict, 'stack');
    runner.settle(IPV4_PARTIES.key);
    assert.equal(send(runner, { sequence: 4 }).verdict, 'stack');
    runner.settle(IPV4_PARTIES.key);
    runner.settle(IPV4_PARTIES.key);
    assert.equal(send(runner, { sequence: 5 }).verdict, 'sent');
    assert.deepEqual({ order: runner.left.order, type: runner.left['payload-type'] }, { order: 2, type: 1 });
  });

  rule('without that wish each packet is judged by itself', (runner) => {
    runner.install(IPV4_PARTIES.key, IPV4_PARTIES.flow);
    assert.equal(send(runner, { payloadType: 101 }).verdict, 'stack');
    assert.equal(send(runner).verdict, 'sent');
  });

  const counted = (name: string, packets: readonly RtpParts[], expected: Partial<Counted>): void =>
    rule(name, (runner) => {
      runner.install(IPV4_PARTIES.key, IPV4_PARTIES.flow);
      for (const parts of packets) {
        assert.equal(send(runner, parts).verdict, 'sent');
      }
      const { packets: arrived, sent, lost, duplicates } = runner.counters(IPV4_PARTIES.key);
      const found: Counted = { packets: arrived, sent, lost, duplicates };
      assert.deepEqual(found, { ...found, ...expected, packets: packets.length });
    });
  const sequences = (...numbers: number[]): RtpParts[] => numbers.map((sequence) => ({ sequence }));

  counted('packets in a row: none is lost', sequences(1, 2, 3, 4), { sent: 4, lost: 0, duplicates: 0 });
  counted('a gap counts as lost', sequences(10, 11, 15), { sent: 6, lost: 3 });
  counted('what comes late is not lost', sequences(10, 12, 11, 13), { sent: 4, lost: 0, duplicates: 0 });
  counted('what comes twice is a duplicate', sequences(10, 11, 11, 10, 12), { sent: 3, lost: 0, duplicates: 2 });
  counted('late and twice, behind a gap', sequences(10, 60, 20, 20, 10), { sent: 51, lost: 48, duplicates: 2 });
  counted('before the first one', sequences(10, 8, 11), { sent: 4, lost: 1 });
  counted('sequence numbers wrap', sequences(65_534, 65_535, 0, 2), { sent: 5, lost: 1 });
  counted('wrap, and one from before', sequences(65_535, 1, 0), { sent: 3, lost: 0 });
  counted('a gap of more than the window', sequences(1, 100, 101), { sent: 101, lost: 98 });
  counted('the last one behind such a gap is late, not a duplicate', sequences(1, 66, 65), { sent: 66, duplicates: 0 });
  counted('a jump is a sender that has started anew', sequences(1, 2, 3, 20_000, 20_001), { sent: 5, lost: 0 });
  counted('and back', sequences(20_000, 20_001, 5, 6, 7), { sent: 5, lost: 0 });
  counted(
    'a marked packet from before begins a new run',
    [{ sequence: 100 }, { sequence: 101 }, { sequence: 50, marker: true }, { sequence: 51 }],
    { sent: 4, lost: 0, duplicates: 0 },
  );
}

interface Counted {
  readonly packets: number;
  readonly sent: number;
  readonly lost: number;
  readonly duplicates: number;
}

function send(runner: ProgramRunner, parts: RtpParts = {}): Passage {
  const { key } = IPV4_PARTIES;
  return runner.run(udpFrame({ from: key.remote, to: key.local, payload: rtpPacket({ ssrc: SSRC, ...parts }) }));
}
