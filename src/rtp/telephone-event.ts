/**
 * The payload of a named telephone event (RFC 4733 2.3).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * |     event     |E|R| volume    |          duration             |
 * ```
 */
import { err, ok, type ParseError, type Result } from '../wire/result.ts';

const EVENT_BYTES = 4;

export interface TelephoneEvent {
  /** 0–15 are the keys `0`…`9`, `*`, `#`, `A`…`D`; 16 is a hook flash (RFC 4733 3.2). */
  readonly event: number;
  /** The last report of the event; it is sent three times, since packets get lost (2.5.1.4). */
  readonly end: boolean;
  /** 0–63, as so many dB below 0 dBm0. */
  readonly volume: number;
  /** Since the event began, 0–65535 units of the clock rate. */
  readonly duration: number;
}

/** Never throws. Of several events in one packet (2.5.1.5) the first. */
export function parseTelephoneEvent(payload: Uint8Array): Result<TelephoneEvent, ParseError> {
  if (payload.length < EVENT_BYTES) {
    return err({ code: 'truncated', offset: payload.length, section: 'RFC 4733 2.3' });
  }
  const [event = 0, flags = 0, high = 0, low = 0] = payload;
  return ok({ event, end: (flags & 0x80) !== 0, volume: flags & 0x3f, duration: (high << 8) | low });
}

/** The reserved bit is sent as 0. */
export function formatTelephoneEvent({ event, end, volume, duration }: TelephoneEvent): Uint8Array {
  return Uint8Array.of(event & 0xff, (end ? 0x80 : 0) | (volume & 0x3f), (duration >> 8) & 0xff, duration & 0xff);
}
