/** The RTP packets of a key (RFC 4733): reports that grow, and the last one three times. */
import { formatTelephoneEvent } from '../../src/rtp/telephone-event.ts';
import { rtpDatagram } from './datagram-view.ts';

export interface KeyPress {
  readonly event: number;
  readonly timestamp: number;
  readonly volume?: number;
  /** Told by the packets one after the other, 8 kHz units. */
  readonly durations: readonly number[];
  readonly payloadType?: number;
  readonly ssrc?: number;
  readonly sequenceNumber?: number;
  /** How often the end is told. */
  readonly ends?: number;
}

export function keyPackets({
  event,
  timestamp,
  volume = 10,
  durations,
  payloadType = 101,
  ssrc = 0x1234,
  sequenceNumber = 0,
  ends = 3,
}: KeyPress): Buffer[] {
  const last = durations.at(-1) ?? 0;
  const reports = [
    ...durations.map((duration) => ({ end: false, duration })),
    ...Array.from({ length: ends }, () => ({ end: true, duration: last })),
  ];
  return reports.map(({ end, duration }, index) =>
    rtpDatagram(
      { payloadType, sequenceNumber: sequenceNumber + index, timestamp, ssrc },
      formatTelephoneEvent({ event, end, volume, duration }),
    ),
  );
}
