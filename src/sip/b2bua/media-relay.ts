/**
 * What the B2BUA asks of a media relay, as effects and facts. It knows ports and addresses, not the protocol:
 * `app/` turns a command into RTPP, and the answer into an outcome.
 */
import type { AddressFamily } from '../../wire/ip-address.ts';

/** The two parties of a call, as seen from here: who called, and who was called. */
export type Side = 'caller' | 'callee';

export function otherSide(side: Side): Side {
  return side === 'caller' ? 'callee' : 'caller';
}

/** Names one relay session for its whole life. All three may hold any character that SIP allows. */
export interface RelaySession {
  readonly callId: string;
  /** Differs between the branches of one forked call, and between two calls with one Call-ID. */
  readonly instance: string;
  readonly callerTag: string;
  readonly calleeTag: string;
}

/** One `m=` line that goes through the relay. */
export interface RelayStream {
  /** Position of the `m=` line, from 0. */
  readonly index: number;
  /** Where the party that wrote the SDP wants its media; the null address on hold. */
  readonly address: string;
  readonly family: AddressFamily;
  readonly port: number;
  /** That party wants to hear nothing at present. */
  readonly held?: boolean;
}

export type RelayCommand =
  | {
      /**
       * The party `offerer` or its peer wrote SDP: tell the relay where that party is, learn the ports that the
       * other party sends to. `role` says whether the writer offered or answered.
       */
      readonly kind: 'publish';
      readonly session: RelaySession;
      readonly role: 'offer' | 'answer';
      readonly offerer: Side;
      readonly streams: readonly RelayStream[];
      /** Nobody has answered yet: silence says nothing. */
      readonly ringing: boolean;
    }
  | {
      /** Does the relay still know these streams? */
      readonly kind: 'check';
      readonly session: RelaySession;
      readonly offerer: Side;
      readonly streams: readonly RelayStream[];
    }
  | { readonly kind: 'delete'; readonly session: RelaySession };

export type RelayOutcome =
  /** `ports[i]` belongs to `streams[i]` of the command. A check and a delete have none. */
  | {
      readonly kind: 'done';
      readonly ports: readonly number[];
      /** Where the ports are, if not at the server's own media address: a relay elsewhere. IP literal. */
      readonly address?: string;
    }
  /** The relay answers, but has forgotten the session: it timed out, or the relay was restarted. */
  | { readonly kind: 'lost' }
  /** The relay refuses, or does not answer. `reason` is a sentence for a Warning header and the log. */
  | {
      readonly kind: 'failed';
      readonly reason: string;
      /** It has no address of the family that a stream needs. */
      readonly lacksFamily?: boolean;
    };

/** Ties an outcome to the command that asked for it. */
export type RelayRequestId = number;
