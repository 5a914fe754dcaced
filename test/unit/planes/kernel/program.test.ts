import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RtpAnalysis } from '../../../../src/relay/media/analysis.ts';
import { arrivingFrame, BOTH_FAMILIES, IPV4_PARTIES, PROGRAM_CASES, SSRC } from '../../../support/program-cases.ts';
import { InterpreterRunner } from '../../../support/program-runners.ts';
import { testCase, testRules } from '../../../support/program-tests.ts';
import { rtpPacket, udpFrame } from '../../../support/rtp-frames.ts';
import { generator } from '../../../support/seeded.ts';

for (const the of PROGRAM_CASES) {
  test(the.name, () => testCase(new InterpreterRunner(), the));
}

testRules(() => new InterpreterRunner());

for (const parties of BOTH_FAMILIES) {
  const { key, flow } = parties;
  const frame = arrivingFrame({ name: '', parties, outcome: 'sent' });

  test(`IPv${key.family}: leaves by the interface of the flow, to whom the routes say`, () => {
    const runner = new InterpreterRunner();
    runner.install(key, flow);
    assert.deepEqual(runner.run(frame).redirect, { ifindex: 3, neighbour: undefined });
  });

  test(`IPv${key.family}: leaves for the next hop of the flow`, () => {
    const runner = new InterpreterRunner();
    runner.install(key, { ...flow, nextHop: key.family === 4 ? '10.9.8.7' : 'fe80::1' });
    const neighbour = Buffer.alloc(20);
    neighbour.writeUInt32LE(key.family === 4 ? 2 : 10, 0);
    neighbour.set(Buffer.from(key.family === 4 ? '0a090807' : 'fe800000000000000000000000000001', 'hex'), 4);
    const { redirect } = runner.run(frame);
    assert.equal(redirect?.ifindex, 3);
    assert.equal(Buffer.from(redirect?.neighbour ?? []).toString('hex'), neighbour.toString('hex'));
  });

  test(`IPv${key.family}: cut off anywhere, it goes to the stack`, () => {
    for (let length = 14; length < frame.length; length += 1) {
      const runner = new InterpreterRunner();
      runner.install(key, flow);
      assert.equal(runner.run(frame.subarray(0, length)).verdict, 'stack', `${length} bytes`);
    }
  });

  test(`IPv${key.family}: any byte changed or any bytes at all, it is decided within bounds`, () => {
    const random = generator(key.family);
    for (let round = 0; round < 500; round += 1) {
      const runner = new InterpreterRunner();
      runner.install(key, flow);
      const changed = Buffer.from(frame);
      for (let change = 0; change <= round % 3; change += 1) {
        changed[12 + random(changed.length - 12)] = random(256);
      }
      // A fault would throw.
      assert.notEqual(runner.run(changed).verdict, 'dropped');
    }
  });
}

test('counts a stream with loss, delay, duplicates and restarts as the socket’s path does', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const random = generator(seed);
    const runner = new InterpreterRunner();
    const reference = new RtpAnalysis();
    const { key, flow } = IPV4_PARTIES;
    runner.install(key, flow);
    let next = random(65_536);
    let timestamp = random(2 ** 32);
    for (let packet = 0; packet < 150; packet += 1) {
      const event = random(40);
      next = (next + (event === 0 ? 1 + random(30) : event === 1 ? 5000 : 1)) & 0xffff;
      timestamp = (timestamp + 160) >>> 0;
      const sequence = event === 2 ? next - random(20) : event === 3 ? next - 1 : next;
      const rtp = rtpPacket({ ssrc: SSRC, sequence, timestamp, marker: random(50) === 0 });
      runner.now += random(60);
      reference.add(runner.now, rtp);
      assert.equal(runner.run(udpFrame({ from: key.remote, to: key.local, payload: rtp })).verdict, 'sent');
    }
    const found = runner.counters(key);
    const text = `seed ${seed}`;
    assert.equal(found.sent, reference.sent, text);
    assert.equal(found.packets - found.duplicates, reference.received, text);
    assert.equal(found.duplicates, reference.duplicates, text);
    assert.equal(Math.round(found.longestGapMs), Math.round(reference.longestGapMs), text);
    assert.equal(found.lastSeenAt, runner.now, text);
    // Integers of RFC 3550 A.8 beside fractions: a sample is at most a unit less, and so is what is smoothed of it.
    assert.ok(Math.abs(found.jitter - reference.jitterLast) < 2, `${text}: ${found.jitter} ${reference.jitterLast}`);
    assert.ok(Math.abs(found.jitterMax - reference.jitterMax) < 2, text);
    assert.ok(Math.abs(found.jitterSum / found.jitterCount - reference.jitterMean) < 2, text);
  }
});

test('packets of one timestamp, as of a picture, count as one for jitter', () => {
  const runner = new InterpreterRunner();
  const { key, flow } = IPV4_PARTIES;
  runner.install(key, flow);
  for (const timestamp of [160, 160, 160, 320, 320]) {
    runner.now += 10;
    runner.run(udpFrame({ from: key.remote, to: key.local, payload: rtpPacket({ timestamp }) }));
  }
  const { packets, jitterCount, jitter } = runner.counters(key);
  // 30 ms from the first of one to the first of the other, 20 ms of them by the timestamps: 80 units, smoothed by 1/16.
  assert.deepEqual({ packets, jitterCount, jitter }, { packets: 5, jitterCount: 1, jitter: 5 });
});

test('jitter begins anew after a long silence, and no clock can make it overflow', () => {
  const runner = new InterpreterRunner();
  const { key, flow } = IPV4_PARTIES;
  runner.install(key, { ...flow, clockRateHz: 1_000_000 });
  const send = (timestamp: number): void => {
    runner.run(udpFrame({ from: key.remote, to: key.local, payload: rtpPacket({ timestamp }) }));
  };
  send(0);
  runner.now += 3_600_000;
  send(1);
  assert.equal(runner.counters(key).jitterCount, 0);
  for (let packet = 0; packet < 200; packet += 1) {
    runner.now += 1000;
    send(packet % 2 === 0 ? 0x7fffffff : 0);
    assert.ok(runner.counters(key).jitter < 2 ** 27);
  }
  assert.equal(runner.counters(key).jitterCount, 200);
});
