/**
 * Requests too large for a datagram (RFC 3261 18.1.1) go over TCP: in fragments they would be lost to many routers and
 * firewalls. Only to a peer that is where its URI says: to one behind a NAT no connection leads, and what it registered
 * over is all there is.
 */
import { formatTransportAddress, sameAddress, type TransportAddress } from '../../wire/ip-address.ts';
import { OldestFirst } from '../../wire/oldest-first.ts';
import { route } from '../message/headers/route.ts';
import type { SipRequest } from '../message/message.ts';
import { parseSipUriOrUndefined } from '../message/uri.ts';
import { defaultPort, type Flow } from './flow.ts';

export interface LargeRequestOptions {
  /** A request of more bytes leaves over TCP; 0: none does. Asked for each request, since it may change. */
  readonly limitBytes: () => number;
  /** The TCP flow to that address; undefined: there is no TCP here. */
  readonly flowTo: (remote: TransportAddress) => Flow | undefined;
}

/** A peer that took no connection gets large requests over UDP for so long, milliseconds. */
const REFUSAL_MS = 600_000;

/** Peers of which that is remembered. */
const MAX_REFUSALS = 10_000;

export class LargeRequests {
  readonly #options: LargeRequestOptions;
  /** Until when, by address; the oldest first. */
  readonly #refusals = new OldestFirst<string, number>();

  constructor(options: LargeRequestOptions) {
    this.#options = options;
  }

  /** The flow to take in place of that one; undefined: it is the right one. */
  flowInsteadOf(now: number, flow: Flow, request: SipRequest, sizeBytes: number): Flow | undefined {
    const limit = this.#options.limitBytes();
    if (flow.transport !== 'udp' || limit === 0 || sizeBytes <= limit) {
      return undefined;
    }
    if (!isWhereItsUriSays(request, flow) || this.#hasRefused(now, flow)) {
      return undefined;
    }
    const stream = this.#options.flowTo(flow.remote);
    return stream && { ...stream, insteadOf: flow };
  }

  /** No connection could be had in place of that flow. */
  handleRefusal(now: number, flow: Flow): void {
    const peer = formatTransportAddress(flow.remote);
    this.#refusals.set(peer, now + REFUSAL_MS);
    this.#refusals.shrinkTo(MAX_REFUSALS);
  }

  #hasRefused(now: number, flow: Flow): boolean {
    return now < (this.#refusals.get(formatTransportAddress(flow.remote)) ?? Number.NEGATIVE_INFINITY);
  }
}

/** Its Contact, or that of the proxy before it, names the very address and port that we send to. */
function isWhereItsUriSays({ headers, uri }: SipRequest, flow: Flow): boolean {
  const hop = parseSipUriOrUndefined(headers.read(route)?.uri ?? uri);
  return (
    hop?.scheme === 'sip' &&
    sameAddress(hop.host, flow.remote.address) &&
    (hop.port ?? defaultPort(flow)) === flow.remote.port
  );
}
