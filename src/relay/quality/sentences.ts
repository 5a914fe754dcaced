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
}

export function sentenceOf(verdict: Verdict, own: Place, far: Place & { readonly verdict: Verdict }): string {
  const { party, local, signalled } = own;
  switch (verdict) {
    case 'waiting':
      return `${party}'s RTP is not expected yet`;
    case 'flows':
      return `${party}'s RTP arrives at ${local}`;
    case 'held':
      return 'on hold: no RTP is expected';
    case 'late':
      return `${party}'s RTP arrives at ${local}, but began late: it was blocked, or the relay had to learn its source`;
    case 'silent':
      return `${party}'s RTP has stopped: muted, on hold without saying so, or cut off`;
    case 'never-arrived':
      return isAlarm(far.verdict)
        ? `neither party's RTP arrived: the ${party}'s should come to ${local}; are the media ports open, is this the address that phones reach?`
        : `${party}'s RTP never arrived at ${local}: firewall or NAT on the ${party}'s side${own.rtcpOnly ? ' (RTCP does come)' : ''}`;
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
