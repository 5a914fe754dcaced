/** Messages between `ims-launch` and the children it started with an IPC channel (Node's own, JSON). */

import type { FlowCounts } from '../relay/media/flow-states.ts';
import type { MediaEvent, StreamReport } from '../relay/quality/report.ts';
import type { TracedMessage } from '../sip/message/traced-message.ts';

/** In a child's environment: with the value `leave` it goes on when the channel closes, else that is its end. */
export const DEATH_POLICY = 'IMS_LAUNCH_SUPERVISOR_ON_SUPERVISOR_DEATH';

/** What a child tells its supervisor. Additions are new kinds; a kind is never changed. */
export type ChildMessage =
  | { readonly kind: 'ready'; readonly part: 'relay' | 'ims'; readonly details: RelayDetails | ImsDetails }
  | {
      readonly kind: 'heartbeat';
      readonly loopLagMs: number;
      readonly sessions: number;
      /** Of ims-relay with the kernel plane. */
      readonly flows?: FlowCounts | undefined;
    }
  /** Of ims-relay: the media of a call has taken a turn. */
  | { readonly kind: 'media'; readonly event: MediaEvent }
  /** To an `ask` with that id. */
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly exitCode: number };

/** What a supervisor tells a child. A child without a supervisor never gets one. */
export type SupervisorMessage =
  /**
   * The first message to ims-server: the configuration and the address that the supervisor has checked. Later ones: what
   * has changed of them since, as far as it can change while calls are in progress.
   */
  | { readonly kind: 'config'; readonly config: unknown; readonly address: unknown }
  | { readonly kind: 'shutdown'; readonly drain: boolean }
  | { readonly kind: 'relay-up'; readonly epoch: number }
  /** To ims-relay: what media ports of new sessions are opened on, and what replies say. */
  | { readonly kind: 'address'; readonly bind: string; readonly advertised: string }
  | { readonly kind: 'log-level'; readonly level: string }
  | { readonly kind: 'ask'; readonly id: number; readonly question: ChildQuestion };

/** What an operator wants of a child. */
export type ChildQuestion =
  /** To ims-relay. The answer: `StreamsAnswer`. */
  | { readonly what: 'streams' }
  /** To ims-server. The answer: `CallNames[]`. */
  | { readonly what: 'calls' }
  /** To ims-server. The answer: `RegistrationsAnswer`. */
  | { readonly what: 'registrations' }
  /** To ims-server. The answer: `TracedMessage[]`, the oldest first; of one call, or of all. */
  | { readonly what: 'trace'; readonly call: string | undefined }
  /** To ims-server. The answer: `SipCaptureAnswer`. */
  | SipCaptureQuestion
  /** To ims-relay. The answer: `MediaCaptureAnswer`. */
  | MediaCaptureQuestion
  /** To ims-server. The answer: `BanReport[]`. */
  | { readonly what: 'bans' }
  /** To ims-server: look at its certificate's files. The answer: `CertificateLook`, or undefined without TLS. */
  | { readonly what: 'certificate' }
  /** To ims-server; without address all bans end. The answer: how many there were. */
  | { readonly what: 'unban'; readonly address: string | undefined };

/** The SIP of a call, or of all, from where the last answer left off. */
export interface SipCaptureQuestion {
  readonly what: 'sip-capture';
  /** A Call-ID of either leg, or the id of its record. */
  readonly call: string | undefined;
  /** `next` of the last answer; undefined: what is remembered of calls that are up. */
  readonly after: number | undefined;
}

export interface SipCaptureAnswer {
  /** Every message up to this instant has been told; milliseconds since 1970. */
  readonly at: number;
  readonly messages: readonly TracedMessage[];
  readonly next: number;
  /** Ask again at once. */
  readonly more: boolean;
  /** Forgotten before they were asked for: `ims.traceMessages` is too few. */
  readonly dropped: number;
  /** What the relay's Call-IDs of the call begin with; null: all calls were asked for. */
  readonly relayCallId: string | null;
  /** Calls that are up, of those asked for. */
  readonly up: number;
}

/** Media of a call, or of all, since the last answer. The capture ends when nobody asks for some seconds. */
export interface MediaCaptureQuestion {
  readonly what: 'media-capture';
  /** Chosen by who asks; the first question begins it. */
  readonly capture: string;
  /** Of the calls with one of these names: the relay's Call-ID, or what goes before its last `~`. Undefined: of all. */
  readonly calls: readonly string[] | undefined;
  /** This is the last question. */
  readonly end: boolean;
}

export interface MediaCaptureAnswer {
  /** Every packet up to this instant has been told, unless there is more; milliseconds since 1970. */
  readonly at: number;
  /** Ports of the call that are open. */
  readonly legs: number;
  /** Records of a pcap, base64. */
  readonly records: string;
  /** Ask again at once. */
  readonly more: boolean;
  /** Packets that were not fetched in time, since it began. */
  readonly dropped: number;
  /** Null: it runs. */
  readonly refused: string | null;
}

export interface StreamsAnswer {
  /** Streams that there are; not all of them need be told. */
  readonly total: number;
  /** What moves its packets. */
  readonly plane: string;
  readonly streams: readonly StreamReport[];
}

/** Who talks to whom, by what the relay calls their streams. */
export interface CallNames {
  /** The relay's Call-IDs of this call begin so. */
  readonly relayCallId: string;
  readonly id: string;
  readonly caller: string;
  readonly callee: string;
  /** Undefined: nobody has answered yet. RFC 3339. */
  readonly answeredAt?: string | undefined;
}

export interface RegistrationsAnswer {
  /** Devices that there are; not all of them need be told. */
  readonly total: number;
  readonly registrations: readonly RegistrationReport[];
}

/** One device of a user. All texts but `source` are the phone's own. */
export interface RegistrationReport {
  readonly aor: string;
  /** The URI of its Contact. */
  readonly contact: string;
  /** Where its messages come from: `udp 192.0.2.7:5060`. */
  readonly source: string;
  readonly leftSeconds: number;
  /** Null: it does not say. */
  readonly userAgent: string | null;
}

/** A source that is not answered because it guessed passwords. */
export interface BanReport {
  /** An IPv4 address, an IPv6 network with `/64`, or `user NAME`: an account that opens only where it has opened before. */
  readonly source: string;
  readonly failures: number;
  /** Until it is answered again, seconds. */
  readonly leftSeconds: number;
}

/** What a look at the files of the TLS certificate has led to. */
export type CertificateLook =
  | { readonly kind: 'unchanged' }
  /** Connections from now on get it. */
  | { readonly kind: 'taken' }
  /** The one before stays. */
  | { readonly kind: 'refused'; readonly reason: string };

export type ConfigMessage = Extract<SupervisorMessage, { kind: 'config' }>;
export type AddressMessage = Extract<SupervisorMessage, { kind: 'address' }>;

export interface RelayDetails {
  readonly version: string;
  readonly plane: string;
  readonly planeReason: string;
  readonly bindAddress: string;
  readonly advertisedAddress: string;
  readonly minPort: number;
  readonly maxPort: number;
}

export interface ImsDetails {
  readonly version: string;
  readonly listen: readonly string[];
  readonly advertised: string;
  readonly users: number;
}
