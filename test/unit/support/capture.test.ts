import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePcap } from '../../support/capture.ts';
import { isRtcp, rtcpDatagram, rtpDatagram, viewRtp } from '../../support/datagram-view.ts';

function pcapOf(...frames: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt32LE(1, 20);
  const records = frames.map((frame) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(frame.length, 8);
    return Buffer.concat([record, frame]);
  });
  return Buffer.concat([header, ...records]);
}

/** Ethernet + IPv4 + UDP from 10.0.0.1:1000 to 10.0.0.2:2000. */
function frameOf(payload: Buffer): Buffer {
  const frame = Buffer.alloc(42);
  frame.writeUInt16BE(0x0800, 12);
  frame.writeUInt8(0x45, 14);
  frame.writeUInt8(17, 23);
  frame.set([10, 0, 0, 1, 10, 0, 0, 2], 26);
  frame.writeUInt16BE(1000, 34);
  frame.writeUInt16BE(2000, 36);
  frame.writeUInt16BE(8 + payload.length, 38);
  return Buffer.concat([frame, payload]);
}

test('datagrams are read with their ends, other packets are passed over', () => {
  const arp = Buffer.alloc(60);
  arp.writeUInt16BE(0x0806, 12);
  const read = parsePcap(pcapOf(frameOf(Buffer.from('one')), arp, frameOf(Buffer.from('two'))));
  assert.deepEqual(
    read.map(({ from, to, payload }) => [from, to, Buffer.from(payload).toString()]),
    [
      ['10.0.0.1:1000', '10.0.0.2:2000', 'one'],
      ['10.0.0.1:1000', '10.0.0.2:2000', 'two'],
    ],
  );
});

test('a file that is still being written ends with its last whole record', () => {
  const file = pcapOf(frameOf(Buffer.from('one')), frameOf(Buffer.from('two')));
  assert.equal(parsePcap(file.subarray(0, file.length - 1)).length, 1);
});

test('RTP and RTCP are told apart by the second octet (RFC 5761 4)', () => {
  const rtp = rtpDatagram({ payloadType: 0, sequenceNumber: 65_535, timestamp: 160, ssrc: 7 }, Buffer.from('audio'));
  const rtcp = rtcpDatagram(7, 'someone@test');
  assert.equal(isRtcp(rtp), false);
  assert.equal(isRtcp(rtcp), true);
  assert.equal(viewRtp(rtp)?.sequenceNumber, 65_535);
  assert.equal(viewRtp(rtcp), undefined);
});
