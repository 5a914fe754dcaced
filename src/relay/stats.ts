/** The relay's counters, by the names that `G` asks for. One row here is all that a new one takes. */

import { FLOW_STATE_NAMES, FLOW_STATES, type FlowState } from './media/flow-states.ts';
import type { ErrorKind } from './media/kinds.ts';
import type { PlaneTotals } from './plane.ts';

const STORED = {
  nsess_created: 'sessions ever created',
  nsess_destroyed: 'sessions ended, for any reason',
  nsess_timeout: 'of these, ended by time-out',
  nsess_complete: 'sessions whose second leg was opened',
  nsess_nortp: 'complete sessions that ended without any RTP',
  nsess_owrtp: 'complete sessions that ended with RTP in one direction only',
  nsess_nortcp: 'complete sessions that ended without any RTCP',
  nsess_owrtcp: 'complete sessions that ended with RTCP in one direction only',
  nsess_contested: 'times that two sources claimed to be one party, and signalling named neither',
  nplrs_created: 'players started',
  nplrs_destroyed: 'players ended',
  total_duration: 'seconds, sum over ended sessions, set-up included',
  ncmds_rcvd: 'commands received, retransmissions left out',
  ncmds_rcvd_ndups: 'retransmissions answered from the reply cache',
  ncmds_succd: 'replies that were successes',
  ncmds_errs: 'replies that were errors; an unknown L counts as one',
  ncmds_repld: 'replies',
  rtpa_nsent: 'RTP packets that the parties of ended sessions must have sent',
  rtpa_nrcvd: 'of these, received',
  rtpa_ndups: 'duplicates among them',
  rtpa_nlost: 'lost on the way to the relay',
  rtpa_perrs: 'packets of ended sessions that were no RTP',
  pps_in: 'packets a second, refreshed each second',
} as const;

/** Counted by the plane, packet by packet. */
const MEASURED = {
  npkts_rcvd: 'RTP and RTCP packets read on complete sessions',
  npkts_played: 'packets sent by players',
  npkts_relayed: 'packets forwarded',
  npkts_kernel: 'of npkts_relayed: forwarded by the kernel',
  npkts_resizer_in: 'packets taken by the re-packetiser',
  npkts_resizer_out: 'packets produced by the re-packetiser',
  npkts_resizer_discard: 'packets dropped by the re-packetiser, because they came too late',
  nerrs_media: 'sends and receives on media sockets that the system refused',
  nrefused_rtp: 'RTP of sources that are no party of the session',
  nrefused_rtcp: 'RTCP of such sources',
  nrefused_stun: 'STUN of such sources',
  nrefused_dtls: 'DTLS of such sources',
  nrefused_short: 'packets of such sources that are shorter than an RTP header',
  nrefused_huge: 'those that no Ethernet carries in one piece',
  nrefused_version: 'those that are of no protocol known here',
  nerrs_firewall: 'of nerrs_media: forbidden (EPERM, EACCES)',
  nerrs_noroute: 'of nerrs_media: no way there (ENETUNREACH, EHOSTUNREACH, ENETDOWN, EADDRNOTAVAIL, EINVAL)',
  nerrs_nobufs: 'of nerrs_media: no room in the system (ENOBUFS, EAGAIN)',
  nerrs_refused: 'of nerrs_media: nobody there (ECONNREFUSED)',
  npkts_discard: 'packets refused, without a destination, or before the session was complete',
} as const;

type FlowCounter = `nflows_${string}`;

/** Legs whose RTP takes each way now: `nflows_kernel`, `nflows_no_route`, … */
const FLOWS = Object.fromEntries(
  FLOW_STATE_NAMES.map((state) => [`nflows_${state.replaceAll('-', '_')}`, state]),
) as Readonly<Record<FlowCounter, FlowState>>;

export type StoredCounter = keyof typeof STORED;
export type CounterName = StoredCounter | keyof typeof MEASURED | FlowCounter;

/** Every counter and what it means. */
export const COUNTERS: Readonly<Record<CounterName, string>> = {
  ...STORED,
  ...MEASURED,
  ...Object.fromEntries(Object.entries(FLOWS).map(([name, state]) => [name, `legs now: ${FLOW_STATES[state]}`])),
};

/** Printed with six decimals; the others are integers. */
const FRACTIONAL: ReadonlySet<string> = new Set(['total_duration', 'pps_in']);

export function isCounterName(name: string): name is CounterName {
  return Object.hasOwn(COUNTERS, name);
}

export class RelayStatistics {
  readonly #values = Object.fromEntries(Object.keys(STORED).map((name) => [name, 0])) as Record<StoredCounter, number>;

  add(name: StoredCounter, amount = 1): void {
    this.#values[name] += amount;
  }

  set(name: StoredCounter, value: number): void {
    this.#values[name] = value;
  }

  get(name: StoredCounter): number {
    return this.#values[name];
  }

  format(name: CounterName, totals: PlaneTotals): string {
    const value = this.#read(name, totals);
    return FRACTIONAL.has(name) ? value.toFixed(6) : value.toFixed(0);
  }

  #read(name: CounterName, totals: PlaneTotals): number {
    switch (name) {
      case 'npkts_rcvd':
        return totals.received;
      case 'npkts_played':
        return totals.played;
      case 'npkts_kernel':
        return totals.inKernel;
      case 'npkts_resizer_in':
        return totals.resizer.taken;
      case 'npkts_resizer_out':
        return totals.resizer.produced;
      case 'npkts_resizer_discard':
        return totals.resizer.dropped;
      case 'npkts_relayed':
        return totals.relayed;
      case 'nerrs_media':
        return totals.errors;
      case 'npkts_discard':
        return totals.discarded;
      case 'nrefused_rtp':
        return totals.refusedOf('rtp');
      case 'nrefused_rtcp':
        return totals.refusedOf('rtcp');
      case 'nrefused_stun':
        return totals.refusedOf('stun');
      case 'nrefused_dtls':
        return totals.refusedOf('dtls');
      case 'nrefused_short':
        return totals.refusedOf('short');
      case 'nrefused_huge':
        return totals.refusedOf('huge');
      case 'nrefused_version':
        return totals.refusedOf('version');
      case 'nerrs_firewall':
        return errorsOf(totals, 'EPERM', 'EACCES');
      case 'nerrs_noroute':
        return errorsOf(totals, 'ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'EINVAL');
      case 'nerrs_nobufs':
        return errorsOf(totals, 'ENOBUFS', 'EAGAIN');
      case 'nerrs_refused':
        return errorsOf(totals, 'ECONNREFUSED');
      default:
        return isFlowCounter(name) ? (totals.flows().get(FLOWS[name] ?? 'kernel') ?? 0) : this.#values[name];
    }
  }
}

function isFlowCounter(name: string): name is FlowCounter {
  return Object.hasOwn(FLOWS, name);
}

function errorsOf(totals: PlaneTotals, ...kinds: readonly ErrorKind[]): number {
  return kinds.reduce((sum, kind) => sum + totals.errorsOf(kind), 0);
}
