/**
 * One RTCP datagram: packets one behind the other, each with its own length (RFC 3550 6.1, A.2).
 *
 * ```
 * | SR or RR | SDES with CNAME | BYE, APP, others … |
 * ```
 */
import { assertNever } from '../../wire/assert-never.ts';
import { ok, type ParseError, type Result } from '../../wire/result.ts';
import { type Application, formatApplication, parseApplication } from './application.ts';
import { formatGoodbye, type Goodbye, parseGoodbye } from './goodbye.ts';
import { RTCP_PACKET_TYPE } from './packet-type.ts';
import { formatReceiverReport, parseReceiverReport, type ReceiverReport } from './receiver-report.ts';
import { formatSenderReport, parseSenderReport, type SenderReport } from './sender-report.ts';
import { formatSourceDescription, parseSourceDescription, type SourceDescription } from './source-description.ts';
import { formatUnit, RTCP_HEADER_BYTES, type RtcpUnit, rtcpFailure } from './unit.ts';

/** A packet of a type that is not read here, kept byte for byte: feedback (RFC 4585), XR (RFC 3611). */
export interface Opaque {
  readonly kind: 'opaque';
  readonly packetType: number;
  readonly count: number;
  readonly body: Uint8Array;
}

export type RtcpPacket = SenderReport | ReceiverReport | SourceDescription | Goodbye | Application | Opaque;

/**
 * All packets of a datagram. Never throws. A datagram is refused as a whole (A.2): lengths must add up exactly and
 * only the last packet may be padded. That the first one is a report is not asked for, since reduced-size RTCP
 * (RFC 5506) has none: see `isFullCompound`.
 */
export function parseCompound(bytes: Uint8Array): Result<readonly RtcpPacket[], ParseError> {
  const units = walkCompound(bytes);
  if (!units.ok) {
    return units;
  }
  const packets: RtcpPacket[] = [];
  for (const unit of units.value) {
    const packet = parseUnit(unit);
    if (!packet.ok) {
      return packet;
    }
    packets.push(packet.value);
  }
  return ok(packets);
}

/** Cuts a datagram into its packets without reading them. */
export function walkCompound(bytes: Uint8Array): Result<readonly RtcpUnit[], ParseError> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const units: RtcpUnit[] = [];
  let offset = 0;
  do {
    if (offset + RTCP_HEADER_BYTES > bytes.length) {
      return rtcpFailure('truncated', bytes.length, 'A.2');
    }
    const first = view.getUint8(offset);
    if (first >> 6 !== 2) {
      return rtcpFailure('bad-version', offset, 'A.2');
    }
    const bodyOffset = offset + RTCP_HEADER_BYTES;
    const end = bodyOffset + view.getUint16(offset + 2) * 4;
    if (end > bytes.length) {
      return rtcpFailure('bad-length', offset + 2, 'A.2');
    }
    const padded = (first & 0x20) !== 0;
    const paddingBytes = padded ? view.getUint8(end - 1) : 0;
    // A padded packet is the last one, and its padding is whole words inside the body.
    if (
      padded &&
      (end !== bytes.length || paddingBytes === 0 || paddingBytes % 4 !== 0 || paddingBytes > end - bodyOffset)
    ) {
      return rtcpFailure('bad-padding', end - 1, '6.4.1');
    }
    units.push({
      packetType: view.getUint8(offset + 1),
      count: first & 0x1f,
      body: bytes.subarray(bodyOffset, end - paddingBytes),
      bodyOffset,
    });
    offset = end;
  } while (offset < bytes.length);
  return ok(units);
}

/** Whether a datagram is what RFC 3550 6.1 demands: a report first, and a CNAME somewhere. */
export function isFullCompound(packets: readonly RtcpPacket[]): boolean {
  const first = packets[0]?.kind;
  return (
    (first === 'sender-report' || first === 'receiver-report') &&
    packets.some((packet) => packet.kind === 'source-description')
  );
}

export function formatCompound(packets: readonly RtcpPacket[]): Uint8Array {
  const parts = packets.map(formatRtcpPacket);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function parseUnit(unit: RtcpUnit): Result<RtcpPacket, ParseError> {
  switch (unit.packetType) {
    case RTCP_PACKET_TYPE.senderReport:
      return parseSenderReport(unit);
    case RTCP_PACKET_TYPE.receiverReport:
      return parseReceiverReport(unit);
    case RTCP_PACKET_TYPE.sourceDescription:
      return parseSourceDescription(unit);
    case RTCP_PACKET_TYPE.goodbye:
      return parseGoodbye(unit);
    case RTCP_PACKET_TYPE.application:
      return parseApplication(unit);
    default:
      return ok({ kind: 'opaque', packetType: unit.packetType, count: unit.count, body: unit.body });
  }
}

function formatRtcpPacket(packet: RtcpPacket): Uint8Array {
  switch (packet.kind) {
    case 'sender-report':
      return formatSenderReport(packet);
    case 'receiver-report':
      return formatReceiverReport(packet);
    case 'source-description':
      return formatSourceDescription(packet);
    case 'goodbye':
      return formatGoodbye(packet);
    case 'application':
      return formatApplication(packet);
    case 'opaque':
      return formatUnit(packet.packetType, packet.count, packet.body);
    default:
      return assertNever(packet);
  }
}
