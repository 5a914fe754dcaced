import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlowRecorder, type FlowSource, rtcpPacketOf, rtpPacketOf } from '../../../../src/app/media/flow.ts';
import { parsePacket } from '../../../../src/rtp/packet.ts';
import { isFullCompound, parseCompound } from '../../../../src/rtp/rtcp/compound.ts';

const SOURCE: FlowSource = {
  from: 'caller',
  tag: 'imsl-test-1',
  ssrc: 0x01020304,
  firstSequenceNumber: 65_535,
  firstTimestamp: 0xffff_ff60,
};

function packet(text: string): Uint8Array {
  return Buffer.from(text);
}

test('RTP packets are 20 ms of PCMU whose numbers wrap and whose payload names session and sender', () => {
  const [first, second] = [0, 1].map((index) => parsePacket(rtpPacketOf(SOURCE, index)));
  assert.ok(first?.ok && second?.ok);
  assert.deepEqual(
    [first, second].map(({ value }) => [value.marker, value.payloadType, value.sequenceNumber, value.timestamp]),
    [
      [true, 0, 65_535, 0xffff_ff60],
      [false, 0, 0, 0],
    ],
  );
  assert.equal(second.value.payload.length, 160);
  assert.match(Buffer.from(second.value.payload).toString(), /^imsl-test-1 caller 1 imsl-test-1/);
});

test('RTCP packets are full compounds of SR and SDES, no two alike', () => {
  const wallClockMs = Date.UTC(2026, 10, 22) + 250;
  const bytes = rtcpPacketOf(SOURCE, 0, 3, wallClockMs);
  const parsed = parseCompound(bytes);
  assert.ok(parsed.ok && isFullCompound(parsed.value));
  const [report] = parsed.value;
  assert.ok(report?.kind === 'sender-report');
  assert.equal(report.ntpSeconds, Math.floor(wallClockMs / 1000) + 2_208_988_800);
  assert.equal(report.ntpFraction, 2 ** 30);
  assert.equal(report.rtpTimestamp, 320);
  assert.deepEqual([report.packetCount, report.octetCount], [3, 480]);
  assert.notDeepEqual(rtcpPacketOf(SOURCE, 1, 3, wallClockMs), bytes);
});

test('counts what arrives intact, twice, late, altered and from elsewhere', () => {
  const flow = new FlowRecorder('caller', 'rtp', 5000);
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    flow.noteSent(packet(name), 100);
  }
  flow.noteReceived(packet('a'), 5000, 101);
  flow.noteReceived(packet('c'), 5000, 103);
  flow.noteReceived(packet('b'), 5000, 102);
  flow.noteReceived(packet('b'), 5000, 104);
  flow.noteReceived(packet('D'), 5000, 104);
  flow.noteReceived(packet('e'), 6000, 110);
  assert.deepEqual(flow.proof(0.9), {
    from: 'caller',
    component: 'rtp',
    sent: 5,
    received: 4,
    lost: 1,
    duplicated: 1,
    reordered: 1,
    altered: 1,
    wrongSource: 1,
    wrongSourcePort: 6000,
    delayP50Ms: 2,
    delayP99Ms: 10,
    ok: false,
  });
});

test('the required share decides how much loss is tolerated, but one packet must arrive', () => {
  const flow = new FlowRecorder('callee', 'rtp', 5000);
  for (let index = 0; index < 10; index++) {
    flow.noteSent(packet(`${index}`), 0);
  }
  assert.equal(flow.proof(0).ok, false);
  flow.noteReceived(packet('0'), 5000, 1);
  assert.equal(flow.proof(0).ok, true);
  assert.equal(flow.proof(0.2).ok, false);
  flow.noteReceived(packet('1'), 5000, 1);
  assert.equal(flow.proof(0.2).ok, true);
});
