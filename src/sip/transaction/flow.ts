import { formatTransportAddress, type TransportAddress } from '../../wire/ip-address.ts';

/** What a message came in on and another one can go out on: what bindings and dialogs remember of a peer. */
export interface Flow {
  readonly transport: FlowTransport;
  /** Where our socket is bound; may be the wildcard. */
  readonly local: TransportAddress;
  readonly remote: TransportAddress;
  /** The address and port by which this remote reaches us: what Via and Contact name. */
  readonly sentBy: TransportAddress;
  /** Where the peer takes connections, as far as it said: used when the connection of this flow is gone. */
  readonly listens?: TransportAddress;
  /** IP address of who speaks, when `remote` is a proxy that is trusted to tell it. */
  readonly client?: string;
  /** The flow that was asked for, when a request is too large for it: the way to go if this one cannot be had. */
  readonly insteadOf?: Flow;
}

/** Who speaks: what passwords, bans and lists go by. Behind a proxy the port is that of its connection. */
export function clientOf({ client, remote }: Flow): TransportAddress {
  return client === undefined ? remote : { address: client, port: remote.port };
}

export type FlowTransport = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';

/** Over a reliable transport nothing is retransmitted, and timers D, I, J and K are zero (RFC 3261 17). */
export function isReliable(flow: Flow): boolean {
  return flow.transport !== 'udp';
}

/** The peer can be reached over the connection that it opened, and over no other one (RFC 7118 5.1). */
export function isWebSocket({ transport }: Flow): boolean {
  return transport === 'ws' || transport === 'wss';
}

/** The transport as a URI spells it: with TLS beneath it is `ws`, too (RFC 7118 5.2). */
export function uriTransport({ transport }: Flow): string {
  return transport === 'wss' ? 'ws' : transport;
}

/** RFC 3261 18.1.1, 19.1.2. */
export function defaultPort({ transport }: Flow): number {
  return transport === 'tls' || transport === 'wss' ? 5061 : 5060;
}

/** The transport as a Via spells it. */
export function viaTransport(flow: Flow): string {
  return flow.transport.toUpperCase();
}

export function sameFlow(left: Flow, right: Flow): boolean {
  return (
    left.transport === right.transport &&
    left.remote.port === right.remote.port &&
    left.remote.address === right.remote.address &&
    left.local.port === right.local.port &&
    left.local.address === right.local.address
  );
}

/** `udp 198.51.100.7:5060`, for log lines. */
export function formatFlow(flow: Flow): string {
  return `${flow.transport} ${formatTransportAddress(flow.remote)}`;
}
