/**
 * A tap: copies of what a party sends, as it was accepted, written to files or sent to another host. A leg has at most
 * one. The engine decides which, and what it is called; `io/recording` opens it, and the plane feeds it.
 */
import type { Brand } from '../../wire/brand.ts';
import type { AddressFamily, TransportAddress } from '../../wire/ip-address.ts';
import type { SessionId, Side } from '../plane.ts';

export type TapId = Brand<number, 'TapId'>;

/** `ad-hoc` is rtpproxy's own; a pcap can be opened by Wireshark. */
export type RecordingFormat = 'ad-hoc' | 'pcap';

/** File names without a directory, as latin1: Call-IDs and tags are bytes. */
export type TapTarget =
  /** A file for RTP and one for RTCP; undefined: RTCP is left out. */
  | {
      readonly kind: 'files';
      readonly format: RecordingFormat;
      readonly rtp: string;
      readonly rtcp: string | undefined;
    }
  /** One pcap for everything: the tap of the other party joins the file that the first has opened. */
  | { readonly kind: 'single'; readonly name: string; readonly rtcp: boolean }
  /** Sent from a port pair of its own (`address`, even `port`) to `to`, RTCP to the port above. */
  | {
      readonly kind: 'remote';
      readonly address: string;
      readonly port: number;
      readonly to: TransportAddress;
      readonly rtcp: boolean;
    };

/** A tap that is open. */
export interface Tap {
  readonly id: TapId;
  readonly kind: TapTarget['kind'];
  /** The pair that copies are sent from. */
  readonly port: { readonly family: AddressFamily; readonly port: number } | undefined;
}

export interface TapRequest {
  readonly tap: TapId;
  readonly session: SessionId;
  readonly callId: string;
  /** Whose packets: the leg that they arrive on. */
  readonly side: Side;
  /** Where those packets arrive: the destination in a pcap. The RTP port; 0 while the leg has none. */
  readonly local: TransportAddress;
  readonly target: TapTarget;
}
