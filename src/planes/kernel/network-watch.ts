import {
  addressesRequest,
  type Link,
  type LinkAddress,
  linksRequest,
  parseLink,
  parseLinkAddress,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
} from '../../linux/netlink/links.ts';
import type { NetlinkMessage } from '../../linux/netlink/message.ts';
import { CHANGES, NetlinkSocket } from '../../linux/netlink/netlink-socket.ts';
import {
  parseNeighbour,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
} from '../../linux/netlink/routes.ts';

const WAYS: ReadonlySet<number> = new Set([RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWRULE, RTM_DELRULE]);
const ADDRESSES: ReadonlySet<number> = new Set([RTM_NEWADDR, RTM_DELADDR]);
const LINKS: ReadonlySet<number> = new Set([RTM_NEWLINK, RTM_DELLINK]);
const NEIGHBOURS: ReadonlySet<number> = new Set([RTM_NEWNEIGH, RTM_DELNEIGH]);

export interface NetworkChange {
  /** Packets may arrive elsewhere, or on other addresses. */
  readonly entrances: boolean;
  /** Packets may leave elsewhere, or their next station is not known any more. */
  readonly ways: boolean;
}

/** The interfaces and addresses of this host, and what of it changes. */
export class NetworkWatch {
  readonly #questions: NetlinkSocket;
  readonly #changes: NetlinkSocket;

  private constructor(questions: NetlinkSocket, changes: NetlinkSocket) {
    this.#questions = questions;
    this.#changes = changes;
  }

  /** A text instead says why there is none. */
  static open(): NetworkWatch | string {
    const questions = NetlinkSocket.open();
    if (typeof questions === 'string') {
      return questions;
    }
    const changes = NetlinkSocket.open(CHANGES);
    if (typeof changes === 'string') {
      questions.close();
      return changes;
    }
    return new NetworkWatch(questions, changes);
  }

  get questions(): NetlinkSocket {
    return this.#questions;
  }

  links(): Link[] {
    return this.#dump(linksRequest, parseLink);
  }

  addresses(): LinkAddress[] {
    return this.#dump(addressesRequest, parseLinkAddress);
  }

  /** Since the last call. Costs one system call when nothing has. */
  changes(): NetworkChange {
    const { messages, overflowed } = this.#changes.changes();
    const has = (types: ReadonlySet<number>): boolean => messages.some(({ type }) => types.has(type));
    const entrances = overflowed || has(LINKS) || has(ADDRESSES);
    return { entrances, ways: entrances || has(WAYS) || messages.some(isLostNeighbour) };
  }

  /** Idempotent. */
  close(): void {
    this.#questions.close();
    this.#changes.close();
  }

  #dump<T>(request: (sequence: number) => Buffer, parse: (message: NetlinkMessage) => T | undefined): T[] {
    const answer = this.#questions.ask(request);
    return answer.ok ? answer.messages.flatMap((message) => parse(message) ?? []) : [];
  }
}

function isLostNeighbour(message: NetlinkMessage): boolean {
  return NEIGHBOURS.has(message.type) && parseNeighbour(message)?.isKnown === false;
}
