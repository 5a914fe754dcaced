/** RR (RFC 3550 6.4.2), packet type 201: SSRC of the reporter, `count` report blocks, profile-specific extension. */
import { ok, type ParseError, type Result } from '../../wire/result.ts';
import { RTCP_PACKET_TYPE } from './packet-type.ts';
import { REPORT_BLOCK_BYTES, type ReportBlock, readReportBlocks, writeReportBlocks } from './report-block.ts';
import { formatUnit, type RtcpUnit, rtcpFailure, viewOf } from './unit.ts';

const FIXED_BYTES = 4;

export interface ReceiverReport {
  readonly kind: 'receiver-report';
  readonly ssrc: number;
  readonly reports: readonly ReportBlock[];
  readonly extension: Uint8Array;
}

export function parseReceiverReport({ body, count, bodyOffset }: RtcpUnit): Result<ReceiverReport, ParseError> {
  const end = FIXED_BYTES + count * REPORT_BLOCK_BYTES;
  if (body.length < end) {
    return rtcpFailure('truncated-receiver-report', bodyOffset + body.length, '6.4.2');
  }
  return ok({
    kind: 'receiver-report',
    ssrc: viewOf(body).getUint32(0),
    reports: readReportBlocks(body, FIXED_BYTES, count),
    extension: body.subarray(end),
  });
}

export function formatReceiverReport(report: ReceiverReport): Uint8Array {
  const end = FIXED_BYTES + report.reports.length * REPORT_BLOCK_BYTES;
  const body = new Uint8Array(end + report.extension.length);
  viewOf(body).setUint32(0, report.ssrc);
  writeReportBlocks(body, FIXED_BYTES, report.reports);
  body.set(report.extension, end);
  return formatUnit(RTCP_PACKET_TYPE.receiverReport, report.reports.length, body);
}
