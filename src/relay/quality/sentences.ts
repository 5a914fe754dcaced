/** A verdict in words, the same wherever it is told. */
import { assertNever } from '../../wire/assert-never.ts';
import { isAlarm, type Party, type Verdict } from './report.ts';

export interface Place {
  readonly party: Party;
  /** address:port of ours that the party is to send to. */
  readonly local: string;
  readonly signalled: string | null;
  readonly remote: string | null;
  /** Its RTCP port has heard something. */
  readonly rtcpOnly: boolean;
  /** Nobody says whether the call was answered. */
  readonly mayRing: boolean;
  /** Nobody has spoken of a hold. */
  readonly holdIsGuess: boolean;
}

export function sentenceOf(verdict: Verdict, own: Place, far: Place & { readonly verdict: Verdict }): string {
  const { party, local, signalled } = own;
  switch (verdict) {
    case 'waiting':
      return `${party}'s RTP is not expected yet`;
    case 'flows':
      return `${party}'s RTP arrives at ${local}`;
    case 'held':
      return own.holdIsGuess
        ? `on hold, it seems: ${party}'s RTP stopped when signalling spoke of the call anew`
        : 'on hold: no RTP is expected';
    case 'late':
      return `${party}'s RTP arrives at ${local}, but began late: it was blocked, or the relay had to learn its source`;
    case 'silent':
      return `${party}'s RTP has stopped: muted, on hold without saying so, or cut off`;
    case 'never-arrived': {
      const ringing = own.mayRing ? '; nothing is wrong if it still rings, which this IMS does not tell' : '';
      return isAlarm(far.verdict)
        ? `neither party's RTP arrived: the ${party}'s should come to ${local}; are the media ports open, is this the address that phones reach?${ringing}`
        : `${party}'s RTP never arrived at ${local}: firewall or NAT on the ${party}'s side${own.rtcpOnly ? ' (RTCP does come)' : ''}${ringing}`;
    }
    case 'stranger':
      return `RTP comes to ${local}, but not from the ${party}${signalled === null ? '' : ` at ${signalled}`}: another host sends, or a NAT that signalling does not show`;
    case 'wrong-port':
      return `${party} sends to the wrong port: its RTP belongs to ${local}`;
    case 'undeliverable':
      return `${party}'s RTP arrives at ${local}, but nobody knows where the ${far.party} is: it has sent nothing, and signalling names no address`;
    default:
      return assertNever(verdict);
  }
}
