/**
 * What a receiver tells about one source (RFC 3550 6.4.1).
 *
 * ```
 * |                 SSRC of the source reported on                |
 * | fraction lost |       cumulative number of packets lost       |
 * |           extended highest sequence number received           |
 * |                      interarrival jitter                      |
 * |                         last SR (LSR)                         |
 * |                   delay since last SR (DLSR)                  |
 * ```
 */
import { viewOf } from './unit.ts';

export const REPORT_BLOCK_BYTES = 24;

export interface ReportBlock {
  readonly ssrc: number;
  /** In 1/256, since the report before. */
  readonly fractionLost: number;
  /** 24 bits signed: doubled packets make it negative. */
  readonly cumulativeLost: number;
  readonly extendedHighest: number;
  /** Units of the RTP timestamp. */
  readonly jitter: number;
  /** Middle 32 bits of the NTP timestamp of the last SR; 0: none yet. */
  readonly lsr: number;
  /** 1/65536 s between that SR's arrival and this report. */
  readonly dlsr: number;
}

/** The caller has checked that the body is long enough. */
export function readReportBlocks(body: Uint8Array, offset: number, count: number): ReportBlock[] {
  const view = viewOf(body);
  return Array.from({ length: count }, (_, index) => {
    const at = offset + index * REPORT_BLOCK_BYTES;
    return {
      ssrc: view.getUint32(at),
      fractionLost: view.getUint8(at + 4),
      // The shift out and back extends the sign of the lower 24 bits.
      cumulativeLost: (view.getInt32(at + 4) << 8) >> 8,
      extendedHighest: view.getUint32(at + 8),
      jitter: view.getUint32(at + 12),
      lsr: view.getUint32(at + 16),
      dlsr: view.getUint32(at + 20),
    };
  });
}

export function writeReportBlocks(body: Uint8Array, offset: number, reports: readonly ReportBlock[]): void {
  const view = viewOf(body);
  for (const [index, report] of reports.entries()) {
    const at = offset + index * REPORT_BLOCK_BYTES;
    view.setUint32(at, report.ssrc);
    view.setUint32(at + 4, (report.fractionLost << 24) | (report.cumulativeLost & 0xffffff));
    view.setUint32(at + 8, report.extendedHighest);
    view.setUint32(at + 12, report.jitter);
    view.setUint32(at + 16, report.lsr);
    view.setUint32(at + 20, report.dlsr);
  }
}
