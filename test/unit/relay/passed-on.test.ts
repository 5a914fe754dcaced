/** What somebody else has passed on joins what the path has counted: as if it had seen every packet itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LOCKED } from '../../../src/relay/latching/index.ts';
import { RtpAnalysis } from '../../../src/relay/media/analysis.ts';
import { LegCounters } from '../../../src/relay/media/counters.ts';
import { Joint, type PassedOn } from '../../../src/relay/media/passed-on.ts';
import { rtpDatagram } from '../../support/datagram-view.ts';

function packet(sequenceNumber: number, ssrc = 1): Buffer {
  const header = { payloadType: 0, sequenceNumber: sequenceNumber & 0xffff, timestamp: sequenceNumber * 160, ssrc };
  return rtpDatagram(header, Buffer.alloc(20));
}

/** What the kernel counts, written anew: runs that begin two cycles up, and jumps of more than 536. */
class Stretch {
  #packets = 0;
  #closed = 0;
  #lowest = 0;
  #highest = 0;
  #at = Number.NEGATIVE_INFINITY;

  add(at: number, sequence: number): void {
    const step = (((sequence - this.#highest) & 0xffff) << 16) >> 16;
    if (this.#packets === 0 || Math.abs(step) > 536) {
      this.#closed += this.#packets === 0 ? 0 : this.#highest - this.#lowest + 1;
      this.#highest = 0x20000 + (sequence & 0xffff);
      this.#lowest = this.#highest;
    } else {
      this.#highest = Math.max(this.#highest, this.#highest + step);
    }
    this.#packets += 1;
    this.#at = at;
  }

  get counted(): PassedOn {
    const run = this.#packets === 0 ? 0 : this.#highest - this.#lowest + 1;
    return {
      packets: this.#packets,
      duplicates: 0,
      lastSeenAt: this.#at,
      longestGapMs: 0,
      lowest: this.#lowest,
      highest: this.#highest,
      sent: this.#closed + run,
      sentInClosedRuns: this.#closed,
      jitter: 0,
      jitterMax: 0,
      jitterSum: 0,
      jitterCount: 0,
    };
  }
}

const STEP = fc.oneof({ weight: 20, arbitrary: fc.integer({ min: 1, max: 4 }) }, fc.integer({ min: 600, max: 20_000 }));
const PART = fc.record({
  inKernel: fc.boolean(),
  /** How often it is joined on the way. */
  every: fc.integer({ min: 1, max: 5 }),
  steps: fc.array(STEP, { minLength: 1, maxLength: 30 }),
});

test('a stream that changes its way counts as one: sent, received, lost', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 65_535 }), fc.array(PART, { minLength: 1, maxLength: 8 }), (first, parts) => {
      const [whole, joined] = [new RtpAnalysis(), new RtpAnalysis()];
      let [sequence, at] = [first, 0];
      whole.add(at, packet(sequence));
      joined.add(at, packet(sequence));
      for (const { inKernel, every, steps } of parts) {
        const [stretch, joint] = [new Stretch(), new Joint()];
        for (const [index, step] of steps.entries()) {
          sequence += step;
          at += 20;
          whole.add(at, packet(sequence));
          if (inKernel) {
            stretch.add(at, sequence);
          } else {
            joined.add(at, packet(sequence));
          }
          if (inKernel && (index % every === 0 || index === steps.length - 1)) {
            joined.join(stretch.counted, joint);
          }
        }
      }
      assert.deepEqual([joined.sent, joined.received, joined.lost], [whole.sent, whole.received, whole.lost]);
    }),
  );
});

test('what was joined already is not joined again, and a packet passed on is a sign of life', () => {
  const [counters, joint, stretch] = [new LegCounters(), new Joint(), new Stretch()];
  counters.countAccepted(true);
  counters.countRelayed(true);
  counters.analysis.add(0, packet(7));
  stretch.add(20, 8);
  stretch.add(40, 9);
  counters.join(stretch.counted, joint);
  counters.join(stretch.counted, joint);
  assert.deepEqual([counters.rtpAccepted, counters.rtpRelayed, counters.lastAcceptedAt], [3, 3, 40]);
  stretch.add(60, 10);
  counters.join(stretch.counted, joint);
  assert.deepEqual([counters.rtpAccepted, counters.analysis.sent, counters.analysis.lost], [4, 4, 0]);
});

test('who takes over the SSRC and sequence of a party that the kernel hears is refused while it speaks', () => {
  const party = { address: '198.51.100.1', port: 4000 };
  const latch = LOCKED.rtp();
  latch.signal(0, { peer: party, asymmetric: false });
  for (let index = 0; index < 10; index += 1) {
    latch.admit(index * 20, party.address, party.port, packet(index));
  }
  const thief = (at: number) => latch.admit(at, party.address, 6666, packet(Math.round(at / 20)));
  // Without the kernel's word the party would have been silent for 4 s: a NAT that has changed the port.
  latch.passed(4180, 209);
  assert.equal(thief(4200), 'refused');
  assert.equal(latch.admit(4220, party.address, party.port, packet(211)), 'accepted');
  latch.passed(8220, 411);
  assert.equal(thief(8400), 'latched', 'and when it is silent the port has changed');
});
