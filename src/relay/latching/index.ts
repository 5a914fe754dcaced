import type { LatchPolicy } from './latch.ts';
import { LockedRtcpLatch } from './locked-rtcp-latch.ts';
import { LockedRtpLatch } from './locked-rtp-latch.ts';

/** Learns the first source, then locks it: see `locked-rtp-latch.ts`. */
export const LOCKED: LatchPolicy = {
  name: 'locked',
  rtp: () => new LockedRtpLatch(),
  rtcp: (rtp) => new LockedRtcpLatch(rtp),
};
