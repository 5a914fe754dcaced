/** Where a party's media arrives, for who follows it as it comes. */
import type { TransportAddress } from '../../wire/ip-address.ts';
import { reportedAddress } from '../local-addresses.ts';
import type { SessionId, Side } from '../plane.ts';
import type { Session } from '../session.ts';

export interface OpenLeg {
  readonly session: SessionId;
  readonly side: Side;
  /** RTP port, at the address that the parties are told; RTCP arrives on the port above. */
  readonly local: TransportAddress;
}

/** Legs that have a port. @param wanted Call-IDs, or what goes before their last `~`; undefined: of all calls */
export function openLegsOf(sessions: Iterable<Session>, wanted: readonly string[] | undefined): OpenLeg[] {
  const found: OpenLeg[] = [];
  for (const session of sessions) {
    if (wanted === undefined || wanted.some((name) => isOfCall(session.callId, name))) {
      for (const side of [0, 1] as const) {
        const { port, local } = session.legs[side];
        if (port !== undefined) {
          const address = reportedAddress(local) ?? local.address;
          found.push({ session: session.id, side, local: { address, port } });
        }
      }
    }
  }
  return found;
}

/** `ims-server` puts what makes a branch of a call unique behind a `~`. */
function isOfCall(callId: string, wanted: string): boolean {
  return callId === wanted || (callId.startsWith(`${wanted}~`) && !callId.includes('~', wanted.length + 1));
}
