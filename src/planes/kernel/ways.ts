/** By which interface, and to which next station, packets leave; or why the kernel cannot send them for us. */
import type { Link } from '../../linux/netlink/links.ts';
import { linksRequest, parseLink } from '../../linux/netlink/links.ts';
import type { NetlinkSocket } from '../../linux/netlink/netlink-socket.ts';
import { neighbourRequest, parseNeighbour, parseRoute, type Route, routeRequest } from '../../linux/netlink/routes.ts';
import type { FlowState } from '../../relay/media/flow-states.ts';
import { type AddressFamily, familyOf, isWildcard, type TransportAddress } from '../../wire/ip-address.ts';
import { isTunnel } from './interfaces.ts';

export interface Way {
  readonly outIfindex: number;
  readonly nextHop: string;
  /** Bytes of an IP packet. */
  readonly mtu: number;
}

/** Where RTP of a party comes from and goes to, and our sockets on both sides. */
export interface Course {
  readonly from: TransportAddress;
  /** Our socket that `from` sends to. */
  readonly entrance: TransportAddress;
  /** Our socket that `to` hears. */
  readonly exit: TransportAddress;
  readonly to: TransportAddress;
  readonly tos: number;
}

/** Ways that are remembered; more are asked for again. */
const MAX_KEPT = 4096;

export class Ways {
  readonly #socket: NetlinkSocket;
  readonly #kept = new Map<string, Way>();
  #links: ReadonlyMap<number, Link> | undefined;

  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** A name instead of a way: why there is none. Costs a few system calls when it is not known yet. */
  find(course: Course): Way | FlowState {
    const { from, entrance, exit, to, tos } = course;
    const key = `${from.address} ${entrance.address} ${exit.address} ${to.address} ${tos}`;
    const known = this.#kept.get(key);
    if (known !== undefined) {
      return known;
    }
    const way = this.#ask(course);
    if (typeof way !== 'string') {
      if (this.#kept.size >= MAX_KEPT) {
        this.#kept.clear();
      }
      this.#kept.set(key, way);
    }
    return way;
  }

  /** Something has changed: whatever was known is asked for again. */
  forget(): void {
    this.#kept.clear();
    this.#links = undefined;
  }

  #ask({ from, entrance, exit, to, tos }: Course): Way | FlowState {
    const addresses = [from, entrance, exit, to].map(({ address }) => address);
    if (addresses.some((address) => address.includes('%'))) {
      return 'scoped';
    }
    const [family, ...others] = addresses.map(familyOf);
    if (family === undefined || others.some((other) => other !== family)) {
      return 'two-families';
    }
    if (isWildcard(entrance.address) || isWildcard(exit.address)) {
      return 'any-address';
    }
    const back = this.#leave(family, entrance, from, tos);
    if (typeof back === 'string') {
      return back;
    }
    const route = this.#leave(family, exit, to, tos);
    if (typeof route === 'string') {
      return route;
    }
    if (route.isForeignGateway) {
      return 'two-families';
    }
    const nextHop = route.gateway ?? to.address;
    const { outIfindex } = route;
    const mtu = this.#link(outIfindex)?.mtu ?? 0;
    return this.#knows(outIfindex, nextHop)
      ? { outIfindex, nextHop, mtu: Math.min(mtu, route.mtu ?? mtu) }
      : 'no-neighbour';
  }

  /** The route from one of our sockets to a party, which has to lead off this host by an Ethernet. */
  #leave(family: AddressFamily, local: TransportAddress, remote: TransportAddress, tos: number): Route | FlowState {
    const answer = this.#socket.ask(
      (sequence) =>
        routeRequest(sequence, {
          family,
          source: local.address,
          sourcePort: local.port,
          destination: remote.address,
          destinationPort: remote.port,
          mark: 0,
          tos,
        }) ?? Buffer.alloc(0),
    );
    const route = answer.ok ? answer.messages.map(parseRoute).find((found) => found !== undefined) : undefined;
    if (route === undefined || route.kind === 'other') {
      return 'no-route';
    }
    const link = this.#link(route.outIfindex);
    if (route.kind === 'local' || link?.isLoopback === true) {
      return 'local-peer';
    }
    if (link === undefined || !link.isUp) {
      return 'no-route';
    }
    return isTunnel(link) ? 'tunnel' : route;
  }

  #knows(index: number, address: string): boolean {
    const answer = this.#socket.ask((sequence) => neighbourRequest(sequence, index, address) ?? Buffer.alloc(0));
    return answer.ok && answer.messages.some((message) => parseNeighbour(message)?.isKnown === true);
  }

  #link(index: number): Link | undefined {
    if (this.#links === undefined) {
      const answer = this.#socket.ask(linksRequest);
      const links = answer.ok ? answer.messages.flatMap((message) => parseLink(message) ?? []) : [];
      this.#links = new Map(links.map((link) => [link.index, link]));
    }
    return this.#links.get(index);
  }
}
