import type { LatchPolicy, SourceRule } from './latch.ts';
import { LockedRtcpLatch } from './locked-rtcp-latch.ts';
import { LockedRtpLatch } from './locked-rtp-latch.ts';

/**
 * Learns a source that proves itself, then locks it: see `locked-rtp-latch.ts`. A source that `isForbidden` is never
 * learned.
 */
export function lockedLatching(isForbidden: SourceRule = () => false): LatchPolicy {
  return {
    name: 'locked',
    rtp: () => new LockedRtpLatch(isForbidden),
    rtcp: (rtp) => new LockedRtcpLatch(rtp, isForbidden),
  };
}

/** The policy where nothing is forbidden. */
export const LOCKED = lockedLatching();
