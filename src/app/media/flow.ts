/** The packets of one direction: made here, counted where they come out. No sockets, no clock. */
import type { MediaComponent } from '../../io/media-endpoint.ts';
import { formatPacket } from '../../rtp/packet.ts';
import { formatCompound } from '../../rtp/rtcp/compound.ts';
import { SDES_ITEM } from '../../rtp/rtcp/source-description.ts';
import { addSequence } from '../../rtp/sequence-number.ts';
import type { DirectionProof, ProofParty } from './proof.ts';

/** 20 ms of G.711. */
const PAYLOAD_BYTES = 160;

/** Seconds from 1900, NTP's origin, to 1970. */
const NTP_OFFSET_SECONDS = 2_208_988_800;

export interface FlowSource {
  readonly from: ProofParty;
  /** Written into each payload and the CNAME, so that no other session's packet can be taken for one of ours. */
  readonly tag: string;
  readonly ssrc: number;
  readonly firstSequenceNumber: number;
  readonly firstTimestamp: number;
}

/** A PCMU packet whose payload names session, sender and number. */
export function rtpPacketOf(source: FlowSource, index: number): Uint8Array {
  const text = `${source.tag} ${source.from} ${index} `;
  return formatPacket({
    marker: index === 0,
    payloadType: 0,
    sequenceNumber: addSequence(source.firstSequenceNumber, index),
    timestamp: (source.firstTimestamp + index * PAYLOAD_BYTES) >>> 0,
    ssrc: source.ssrc,
    csrcs: [],
    extension: undefined,
    payload: Buffer.alloc(PAYLOAD_BYTES, text),
    paddingBytes: 0,
  });
}

/** SR and SDES, the compound that RFC 3550 6.1 asks of a sender. `wallClockMs` is Unix time. */
export function rtcpPacketOf(source: FlowSource, index: number, rtpSent: number, wallClockMs: number): Uint8Array {
  const seconds = Math.floor(wallClockMs / 1000);
  return formatCompound([
    {
      kind: 'sender-report',
      ssrc: source.ssrc,
      ntpSeconds: (seconds + NTP_OFFSET_SECONDS) >>> 0,
      ntpFraction: Math.floor(((wallClockMs % 1000) / 1000) * 2 ** 32),
      rtpTimestamp: (source.firstTimestamp + rtpSent * PAYLOAD_BYTES) >>> 0,
      packetCount: rtpSent,
      octetCount: rtpSent * PAYLOAD_BYTES,
      reports: [],
      extension: new Uint8Array(),
    },
    {
      kind: 'source-description',
      chunks: [
        {
          ssrc: source.ssrc,
          items: [
            { type: SDES_ITEM.cname, value: Buffer.from(`${source.from}@${source.tag}`) },
            // Tells two reports apart that were made in the same millisecond.
            { type: SDES_ITEM.note, value: Buffer.from(`${index}`) },
          ],
        },
      ],
    },
  ]);
}

/** Counts one direction. Packets are known by all their octets: a relay must not change any. */
export class FlowRecorder {
  readonly #from: ProofParty;
  readonly #component: MediaComponent;
  readonly #expectedPort: number;
  /** Octets as text → the number of the packet. */
  readonly #indexOf = new Map<string, number>();
  readonly #sentAt: number[] = [];
  readonly #arrived = new Set<number>();
  readonly #delaysMs: number[] = [];
  #highest = -1;
  #duplicated = 0;
  #reordered = 0;
  #altered = 0;
  #wrongSource = 0;
  #wrongSourcePort: number | undefined;

  /** `expectedPort`: the port of this component that the receiving party was told, so packets must come from it. */
  constructor(from: ProofParty, component: MediaComponent, expectedPort: number) {
    this.#from = from;
    this.#component = component;
    this.#expectedPort = expectedPort;
  }

  noteSent(bytes: Uint8Array, at: number): void {
    this.#indexOf.set(keyOf(bytes), this.#sentAt.length);
    this.#sentAt.push(at);
  }

  noteReceived(bytes: Uint8Array, fromPort: number, at: number): void {
    const index = this.#indexOf.get(keyOf(bytes));
    if (index === undefined) {
      this.#altered += 1;
      return;
    }
    if (fromPort !== this.#expectedPort) {
      this.#wrongSource += 1;
      this.#wrongSourcePort = fromPort;
    }
    if (this.#arrived.has(index)) {
      this.#duplicated += 1;
      return;
    }
    this.#arrived.add(index);
    this.#delaysMs.push(at - (this.#sentAt[index] ?? at));
    if (index < this.#highest) {
      this.#reordered += 1;
    }
    this.#highest = Math.max(this.#highest, index);
  }

  get sent(): number {
    return this.#sentAt.length;
  }

  get received(): number {
    return this.#arrived.size;
  }

  /** `requiredShare`: how much of what was sent must arrive, and arrive in order. 0–1 */
  proof(requiredShare: number): DirectionProof {
    const delays = this.#delaysMs.toSorted((a, b) => a - b);
    const tolerated = Math.floor(this.sent * (1 - requiredShare));
    const lost = this.sent - this.received;
    return {
      from: this.#from,
      component: this.#component,
      sent: this.sent,
      received: this.received,
      lost,
      duplicated: this.#duplicated,
      reordered: this.#reordered,
      altered: this.#altered,
      wrongSource: this.#wrongSource,
      wrongSourcePort: this.#wrongSourcePort,
      delayP50Ms: percentile(delays, 0.5),
      delayP99Ms: percentile(delays, 0.99),
      ok:
        this.received > 0 &&
        lost <= tolerated &&
        this.#reordered <= tolerated &&
        this.#duplicated === 0 &&
        this.#altered === 0 &&
        this.#wrongSource === 0,
    };
  }
}

/** Nearest rank. */
function percentile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}

function keyOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
