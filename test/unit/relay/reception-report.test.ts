import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LegCounters } from '../../../src/relay/media/counters.ts';
import { noteReceptionReport } from '../../../src/relay/media/reception-report.ts';
import { formatCompound } from '../../../src/rtp/rtcp/compound.ts';

const BLOCK = {
  fractionLost: 64,
  cumulativeLost: 9,
  extendedHighest: 100,
  jitter: 240,
  lsr: 0,
  dlsr: 0,
};

function noted(packet: Uint8Array, ssrc: number | undefined): readonly number[] {
  const counters = new LegCounters();
  noteReceptionReport(counters, packet, ssrc);
  return [counters.reports, counters.reportedLoss, counters.reportedJitter];
}

test('a report on the other party is read from a receiver report, whichever block it is', () => {
  const reports = [1, 0xfedc_ba98].map((ssrc) => ({ ...BLOCK, ssrc }));
  const packet = formatCompound([{ kind: 'receiver-report', ssrc: 5, reports, extension: new Uint8Array(0) }]);
  assert.deepEqual(noted(packet, 0xfedc_ba98), [1, 0.25, 240]);
});

test('a report on somebody else is not ours, and before RTP there is nobody to report on', () => {
  const packet = formatCompound([
    { kind: 'receiver-report', ssrc: 5, reports: [{ ...BLOCK, ssrc: 1 }], extension: new Uint8Array(0) },
  ]);
  assert.deepEqual(noted(packet, 2), [0, 0, 0]);
  assert.deepEqual(noted(packet, undefined), [0, 0, 0]);
});

test('a report that ends early is read as far as it goes', () => {
  const packet = formatCompound([
    { kind: 'receiver-report', ssrc: 5, reports: [{ ...BLOCK, ssrc: 1 }], extension: new Uint8Array(0) },
  ]);
  for (let length = 0; length < packet.length; length += 1) {
    assert.deepEqual(noted(packet.subarray(0, length), 1), [0, 0, 0]);
  }
});
