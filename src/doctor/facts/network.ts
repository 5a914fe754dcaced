import type { ProcessFacts } from './holder.ts';

export interface NetworkFacts {
  /** SERVER_ADDR as it is configured. */
  readonly serverAddr: string;
  /** relay.bindAddress as it is configured. */
  readonly bindAddress: string;
  readonly address:
    | {
        readonly kind: 'known';
        readonly advertised: string;
        readonly bind: string;
        readonly advertisedIsLocal: boolean;
      }
    /** `key`: what has to be changed. */
    | { readonly kind: 'unknown'; readonly key: 'SERVER_ADDR' | 'relay.bindAddress'; readonly reason: string };
  readonly range: {
    readonly min: number;
    readonly max: number;
    /** Calls with one stream each. */
    readonly calls: number;
    /** Calls that the built-in IMS accepts. */
    readonly maxCalls: number;
    /** Held by others than the relay. */
    readonly taken: readonly { readonly port: number; readonly owner: ProcessFacts | undefined }[];
  };
  /** What the system gives out to outgoing sockets; `reserve` keeps it off the range, undefined: it does so already. */
  readonly ephemeral: { readonly low: number; readonly high: number; readonly reserve: string | undefined } | undefined;
  /** As the programs printed them; undefined: they are not there, or this user may not read them. */
  readonly firewall: {
    readonly nft: string | undefined;
    readonly iptables: string | undefined;
    readonly ip6tables: string | undefined;
  };
  readonly container: ContainerFacts | undefined;
}

/** Undefined in its place: this is no container. */
export interface ContainerFacts {
  /** All of its interfaces are one end of a veth pair: it has no part of the host's network. */
  readonly ownNetwork: boolean;
  readonly addresses: readonly string[];
}
