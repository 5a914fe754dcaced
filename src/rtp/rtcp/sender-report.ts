/**
 * SR (RFC 3550 6.4.1), packet type 200: SSRC, sender info, `count` report blocks, profile-specific extension.
 *
 * ```
 * |                         SSRC of sender                        |
 * |              NTP timestamp, most significant word             |
 * |             NTP timestamp, least significant word             |
 * |                         RTP timestamp                         |
 * |                     sender's packet count                     |
 * |                      sender's octet count                     |
 * |  report blocks …                                              |
 * ```
 */
import { ok, type ParseError, type Result } from '../../wire/result.ts';
import { RTCP_PACKET_TYPE } from './packet-type.ts';
import { REPORT_BLOCK_BYTES, type ReportBlock, readReportBlocks, writeReportBlocks } from './report-block.ts';
import { formatUnit, type RtcpUnit, rtcpFailure, viewOf } from './unit.ts';

const FIXED_BYTES = 24;

export interface SenderReport {
  readonly kind: 'sender-report';
  readonly ssrc: number;
  /** Seconds since 1900. */
  readonly ntpSeconds: number;
  /** 1/2^32 s. */
  readonly ntpFraction: number;
  readonly rtpTimestamp: number;
  readonly packetCount: number;
  readonly octetCount: number;
  readonly reports: readonly ReportBlock[];
  readonly extension: Uint8Array;
}

export function parseSenderReport({ body, count, bodyOffset }: RtcpUnit): Result<SenderReport, ParseError> {
  const end = FIXED_BYTES + count * REPORT_BLOCK_BYTES;
  if (body.length < end) {
    return rtcpFailure('truncated-sender-report', bodyOffset + body.length, '6.4.1');
  }
  const view = viewOf(body);
  return ok({
    kind: 'sender-report',
    ssrc: view.getUint32(0),
    ntpSeconds: view.getUint32(4),
    ntpFraction: view.getUint32(8),
    rtpTimestamp: view.getUint32(12),
    packetCount: view.getUint32(16),
    octetCount: view.getUint32(20),
    reports: readReportBlocks(body, FIXED_BYTES, count),
    extension: body.subarray(end),
  });
}

export function formatSenderReport(report: SenderReport): Uint8Array {
  const end = FIXED_BYTES + report.reports.length * REPORT_BLOCK_BYTES;
  const body = new Uint8Array(end + report.extension.length);
  const view = viewOf(body);
  view.setUint32(0, report.ssrc);
  view.setUint32(4, report.ntpSeconds);
  view.setUint32(8, report.ntpFraction);
  view.setUint32(12, report.rtpTimestamp);
  view.setUint32(16, report.packetCount);
  view.setUint32(20, report.octetCount);
  writeReportBlocks(body, FIXED_BYTES, report.reports);
  body.set(report.extension, end);
  return formatUnit(RTCP_PACKET_TYPE.senderReport, report.reports.length, body);
}
