/**
 * A flow: RTP of one party that arrives on one of our ports and leaves for the other party without our process.
 * Only sources that are believed are ever in the table, so a packet of anybody else finds nothing there and goes to
 * the socket, where the latch decides. The kernel cannot widen what `relay/` has decided.
 */
import type { AddressFamily, TransportAddress } from '../../wire/ip-address.ts';

/** The exact 5-tuple of what arrives. `local` is the destination in the packet: an address, never a wildcard. */
export interface FlowKey {
  readonly family: AddressFamily;
  readonly local: TransportAddress;
  readonly remote: TransportAddress;
}

/** What the kernel checks in a packet that has the key, and what it makes of it. */
export interface Flow {
  /** The interface by which packets leave; never loopback. */
  readonly outIfindex: number;
  /**
   * The neighbour on that interface that takes them: the far party or its gateway, of the same family. Undefined: the
   * kernel asks its routes, for each packet. Its hardware address is the kernel's to know; it asks by ARP or NDP.
   */
  readonly nextHop: string | undefined;
  /** Our address and port towards the far party, and the far party's: both of the key's family. */
  readonly source: TransportAddress;
  readonly destination: TransportAddress;
  /** 32 bits, unsigned. Packets of any other SSRC go to the socket. */
  readonly ssrc: number;
  /** 0–127, but never 64–95 (RTCP on the RTP port): RTP of any other type goes to the socket. */
  readonly payloadTypes: readonly number[];
  /** The RTP clock, for jitter: 1–1 000 000 Hz. */
  readonly clockRateHz: number;
  /** IP TOS or traffic class of what leaves: 0–255. */
  readonly tos: number;
  /** Longest IP packet that the way out carries, bytes; longer ones go to the socket. */
  readonly mtu: number;
  /** Firewall mark of what leaves; it takes part in the choice of a route. */
  readonly mark: number;
  /**
   * While the socket has not accounted for all packets of this key that were left to it (`FlowHandle.settle`), all
   * others are left to it, too: so none overtakes another. Otherwise each packet is judged by itself.
   */
  readonly keepOrder: boolean;
}

/** What the kernel has counted since the flow was installed. Reading it takes no system call. */
export interface FlowCounters {
  /** Packets that the kernel has sent on, and their UDP payload. */
  readonly packets: number;
  readonly bytes: number;
  /** When the last of them came; monotonic ms as of `process.hrtime`. -Infinity: none did. */
  readonly lastSeenAt: number;
  /** Longest time between two of them, milliseconds. */
  readonly longestGapMs: number;
  /** Sequence numbers extended beyond 16 bits, as `relay/media/analysis.ts` does: of the run that goes on. */
  readonly lowest: number;
  readonly highest: number;
  /** Packets that the sender must have sent in runs that ended with a jump; see `sent`. */
  readonly sentInClosedRuns: number;
  /** Packets that the sender must have sent, from the sequence numbers. */
  readonly sent: number;
  readonly duplicates: number;
  /** `sent` less what came, duplicates left out; never negative. */
  readonly lost: number;
  /** RFC 3550 6.4.1, in units of the timestamp: now, the largest, and what the mean is made of. */
  readonly jitter: number;
  readonly jitterMax: number;
  readonly jitterSum: number;
  readonly jitterCount: number;
  /** Packets of the key that were left to the socket: another SSRC or type, no RTP, too long, order. */
  readonly toSocket: number;
}

/** Why a flow cannot be in the table. `other`: the system's word is in `cause`. */
export type FlowRefusal = 'full' | 'unsuited' | 'closed' | 'other';

export type InstallOutcome =
  | { readonly kind: 'installed'; readonly handle: FlowHandle }
  | { readonly kind: 'refused'; readonly reason: FlowRefusal; readonly cause: string };

/** One installed flow, for whoever reads the socket that its other packets go to. */
export interface FlowHandle {
  readonly key: FlowKey;
  /** Where the kernel counts: other threads read it by `KernelFlows.counters`. */
  readonly slot: number;
  /** Packets of the key that were left to the socket, modulo 2^32; a new flow that keeps order begins with one. */
  readonly left: number;
  counters(): FlowCounters;
  /** One packet with this key was read from the socket and, if it was to be sent on, has been. */
  settle(): void;
  /**
   * The socket is known to be empty: whatever was left to it has been read, or will never come (a firewall, a full buffer).
   *
   * @param upTo `left` from before the look that found it empty: what was left since then is still to be read
   */
  settleAll(upTo?: number): void;
}

/** The flows of one thread. Several threads have tables of their own in the same kernel, see `KernelFlows.share`. */
export interface FlowTable {
  /** Flows that there is room for. */
  readonly capacity: number;
  readonly size: number;
  /** False once everything was closed, or the kernel would not take a flow away: then nothing is forwarded. */
  readonly open: boolean;
  /**
   * From its return on the kernel forwards; with `keepOrder`, from the first `settleAll` on, since what came before may
   * wait in the socket. A key that is there is replaced at once; its counters go on. After a refusal
   * the key is not in the table, whatever was there before.
   */
  install(key: FlowKey, flow: Flow): InstallOutcome;
  /** From its return on every packet of the key goes to the socket. The last counters; undefined: it was not there. */
  remove(key: FlowKey): FlowCounters | undefined;
  counters(key: FlowKey): FlowCounters | undefined;
  /** Removes all. */
  clear(): void;
}
