import type { ProcessFacts } from './holder.ts';

export interface RelayFacts {
  /** For people: `127.0.0.1:7722`. */
  readonly control: string;
  readonly host: string;
  readonly port: number;
  /** The control socket is an address of this host. */
  readonly isLocal: boolean;
  readonly autoStart: boolean;
  /** Where autoStart was set: `environment variable RTPPROXY_AUTO_START`, or the file. */
  readonly autoStartOrigin: string;
  /** Another daemon than ims-relay is configured. */
  readonly hasCommand: boolean;
  /** `relay.plane` */
  readonly plane: string;
  /** Undefined: relay.host does not resolve. */
  readonly answer: RelayAnswer | undefined;
  /** Why relay.host cannot be asked. */
  readonly unreachable?: string;
  /** Of the control port; undefined: nobody, or hidden. */
  readonly owner: ProcessFacts | undefined;
  /** Every program that holds a socket of its own on the control port, whatever the address. */
  readonly holders: readonly { readonly address: string; readonly owner: ProcessFacts }[];
  /** The address of its -l, if that is none of this host. */
  readonly strangeAddress: string | undefined;
  readonly media: MediaFacts | undefined;
  /** Datagrams that the kernel dropped since the start, because the relay's receive buffers were full. */
  readonly dropped: number;
  /** RLIMIT_NOFILE of the relay; undefined: not known. */
  readonly fileLimit: number | undefined;
  /** Whether the relay has CAP_NET_ADMIN and CAP_BPF; undefined: not known. */
  readonly kernelRights: boolean | undefined;
}

export type RelayAnswer =
  | { readonly kind: 'absent' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'foreign'; readonly answer: string }
  | { readonly kind: 'rtpproxy'; readonly version: string | undefined; readonly ecode: number | undefined };

export interface MediaFacts {
  readonly ok: boolean;
  /** In words, the gravest first. */
  readonly findings: readonly string[];
  /** Why no packet could be sent. */
  readonly failure: string | undefined;
  readonly directions: readonly MediaDirection[];
}

export interface MediaDirection {
  readonly from: 'caller' | 'callee';
  readonly component: 'rtp' | 'rtcp';
  readonly sent: number;
  readonly received: number;
  readonly altered: number;
  readonly ok: boolean;
  readonly delayP50Ms: number | undefined;
}
