/** What a media proof found, as data: the table of `verify`, the relay's readiness and its health all read this. */
import type { MediaComponent } from '../../io/media-endpoint.ts';
import type { TransportAddress } from '../../wire/ip-address.ts';

export type ProofParty = 'caller' | 'callee';

/** One direction of one component: four of them make a call. */
export interface DirectionProof {
  readonly from: ProofParty;
  readonly component: MediaComponent;
  readonly sent: number;
  /** Arrived octet for octet, doubles not counted. */
  readonly received: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Arrived after a packet that was sent later. */
  readonly reordered: number;
  /** Came out of the relay and was never sent like that. */
  readonly altered: number;
  /** Arrived from another port than the one that the receiving party was told. */
  readonly wrongSource: number;
  /** One of those other ports. */
  readonly wrongSourcePort: number | undefined;
  /** One-way, from `send` to the receiving event loop; undefined: nothing arrived. */
  readonly delayP50Ms: number | undefined;
  readonly delayP99Ms: number | undefined;
  /** Enough arrived, all of it intact, in order, once, and from the right port. */
  readonly ok: boolean;
}

/** The address that phones are told, tried from here: for information, since hairpin through a 1:1 NAT often fails. */
export interface AdvertisedProof {
  readonly address: string;
  readonly kind: /** It is the address that was proved. */
    | 'bound'
    /** Packets to it came through. */
    | 'reached'
    /** They did not. */
    | 'unreached'
    /** It belongs to another host or to a NAT in front of this one; nothing was sent there. */
    | 'not-tried';
  /** Both parties together; 0 unless tried. */
  readonly sent: number;
  readonly received: number;
}

/** What ended a proof before packets could be sent. */
export type ProofFailure =
  /** The control socket did not answer. */
  | 'no-answer'
  /** It refused a session, or one of its legs. */
  | 'no-port'
  /** The media address is another host's. */
  | 'elsewhere'
  /** This process had no sockets to send from. */
  | 'no-socket';

export interface MediaProof {
  /** RTP and RTCP pass both ways. */
  readonly ok: boolean;
  /** RTP passes both ways, whatever RTCP does. */
  readonly rtpOk: boolean;
  /** What is wrong, in words, the gravest first; empty when `ok`. */
  readonly findings: readonly string[];
  /** Undefined: packets were sent. */
  readonly failure: ProofFailure | undefined;
  /** caller RTP, callee RTP, caller RTCP, callee RTCP; empty when no session could be made. */
  readonly directions: readonly DirectionProof[];
  /** Where each party sent its RTP; undefined when no session could be made. */
  readonly media: Readonly<Record<ProofParty, TransportAddress>> | undefined;
  /** Undefined: the relay tells no address, because it is bound to all, or no session could be made. */
  readonly advertised: AdvertisedProof | undefined;
}

/** A proof that ended before packets could be sent. */
export function failedProof(failure: ProofFailure, finding: string): MediaProof {
  return {
    ok: false,
    rtpOk: false,
    findings: [finding],
    failure,
    directions: [],
    media: undefined,
    advertised: undefined,
  };
}

export function otherParty(party: ProofParty): ProofParty {
  return party === 'caller' ? 'callee' : 'caller';
}
