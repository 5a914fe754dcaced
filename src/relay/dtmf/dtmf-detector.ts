/**
 * The keys that a party presses, from its telephone events (RFC 4733): each is told once, with the first end packet that
 * follows another packet of the event. An event is known by its RTP timestamp, which all its packets share.
 */
import { parsePacket } from '../../rtp/packet.ts';
import { parseTelephoneEvent } from '../../rtp/telephone-event.ts';

/** By event number; 16 is the hook flash. */
const DIGITS = '0123456789*#ABCD ';

/** Events that are remembered, so that a packet that comes late is not taken for a new one. */
const HISTORY = 4;

export interface PressedKey {
  readonly digit: string;
  /** dB below 0 dBm0, 0–63; of the packet that ended it. */
  readonly volume: number;
  /** The longest that any packet of the event told, in units of the clock rate (8 kHz). */
  readonly duration: number;
}

interface KnownEvent {
  readonly timestamp: number;
  readonly digit: string;
  /** Not told yet. */
  pending: boolean;
  duration: number;
}

export class DtmfDetector {
  /** Of the party's telephone events; a later command may change it. */
  payloadType: number;
  readonly #events: KnownEvent[] = [];

  constructor(payloadType: number) {
    this.payloadType = payloadType;
  }

  /** Any datagram that the party sent to the RTP port. */
  push(bytes: Uint8Array): PressedKey | undefined {
    const packet = parsePacket(bytes);
    if (!packet.ok || packet.value.payloadType !== this.payloadType) {
      return undefined;
    }
    const report = parseTelephoneEvent(packet.value.payload);
    const digit = report.ok ? DIGITS[report.value.event] : undefined;
    if (!report.ok || digit === undefined) {
      return undefined;
    }
    const { timestamp } = packet.value;
    const { duration, end, volume } = report.value;
    const known = this.#events.find((event) => event.timestamp === timestamp);
    if (known === undefined) {
      this.#events.unshift({ timestamp, digit, pending: true, duration });
      this.#events.length = Math.min(this.#events.length, HISTORY);
      return undefined;
    }
    if (!known.pending || known.digit !== digit) {
      return undefined;
    }
    known.duration = Math.max(known.duration, duration);
    known.pending = !end;
    return end ? { digit, volume, duration: known.duration } : undefined;
  }
}
