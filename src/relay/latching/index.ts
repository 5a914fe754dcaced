import type { LatchingMode, LatchPolicy, SourceRule } from './latch.ts';
import { LockedRtcpLatch } from './locked-rtcp-latch.ts';
import { LockedRtpLatch } from './locked-rtp-latch.ts';
import { RtpproxyRtcpLatch, RtpproxyRtpLatch } from './rtpproxy-latch.ts';

/** Plain data, so that it can be told to another thread. */
export interface LatchSettings {
  readonly mode: LatchingMode;
  /** Media sockets are bound to loopback: there, it is an address like any other. */
  readonly hearsLoopback: boolean;
}

/** `safe` and `strict`: `locked-rtp-latch.ts`; `rtpproxy`: `rtpproxy-latch.ts`. A source that `isForbidden` is never learned. */
export function latchPolicy(settings: LatchSettings, isForbidden: SourceRule = () => false): LatchPolicy {
  const { mode } = settings;
  if (mode === 'rtpproxy') {
    return {
      name: mode,
      rtp: () => new RtpproxyRtpLatch(isForbidden),
      rtcp: (rtp) => new RtpproxyRtcpLatch(rtp as RtpproxyRtpLatch, isForbidden),
    };
  }
  return {
    name: mode,
    rtp: () => new LockedRtpLatch({ ...settings, isForbidden }),
    rtcp: (rtp) => new LockedRtcpLatch(rtp, isForbidden),
  };
}

/** The default on a relay whose sockets are not on loopback, with nothing forbidden. */
export const LOCKED = latchPolicy({ mode: 'safe', hearsLoopback: false });
