/**
 * Network interfaces, rtnetlink(7).
 *
 * ```
 *  struct ifinfomsg   family:1  -:1  hardware type:2  index:4  flags:4  change:4
 *  struct ifaddrmsg   family:1  prefix length:1  flags:1  scope:1  index:4
 * ```
 */
import { type AddressFamily, canonicalAddress } from '../../wire/ip-address.ts';
import { AF_INET, AF_INET6 } from '../socket-address.ts';
import {
  formatMessage,
  type NetlinkMessage,
  NLM_F_DUMP,
  NLM_F_REQUEST,
  parseAttributes,
  textOf,
  uint32Of,
} from './message.ts';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

const IFINFO_BYTES = 16;
const IFADDR_BYTES = 8;

const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;

/** Of if_arp.h: Ethernet, and whatever has frames like it. */
const ARPHRD_ETHER = 1;
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly isUp: boolean;
  readonly isLoopback: boolean;
  /** Packets have an Ethernet header; tunnels of IP have none. */
  readonly isEthernet: boolean;
  /** Bytes of an IP packet. */
  readonly mtu: number;
  /** The bridge, bond, team or VRF that it is a port of. */
  readonly master: number | undefined;
  /** `veth`, `bridge`, `dummy`, `vxlan`, …; '' of hardware. */
  readonly kind: string;
}

export interface LinkAddress {
  readonly index: number;
  readonly family: AddressFamily;
  readonly address: string;
}

export function linksRequest(sequence: number): Buffer {
  return formatMessage(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, sequence, Buffer.alloc(IFINFO_BYTES));
}

export function addressesRequest(sequence: number): Buffer {
  return formatMessage(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, sequence, Buffer.alloc(IFADDR_BYTES));
}

/** Undefined: another message, or not a whole one. */
export function parseLink({ type, body }: NetlinkMessage): Link | undefined {
  if ((type !== RTM_NEWLINK && type !== RTM_DELLINK) || body.length < IFINFO_BYTES) {
    return undefined;
  }
  const flags = body.readUInt32LE(8);
  const attributes = parseAttributes(body.subarray(IFINFO_BYTES));
  const details = attributes.get(IFLA_LINKINFO);
  return {
    index: body.readInt32LE(4),
    name: textOf(attributes, IFLA_IFNAME) ?? '',
    isUp: (flags & IFF_UP) !== 0,
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
    isEthernet: body.readUInt16LE(2) === ARPHRD_ETHER,
    mtu: uint32Of(attributes, IFLA_MTU) ?? 0,
    master: uint32Of(attributes, IFLA_MASTER) || undefined,
    kind: details === undefined ? '' : (textOf(parseAttributes(details), IFLA_INFO_KIND) ?? ''),
  };
}

/** Undefined: another message, or not a whole one. */
export function parseLinkAddress({ type, body }: NetlinkMessage): LinkAddress | undefined {
  if ((type !== RTM_NEWADDR && type !== RTM_DELADDR) || body.length < IFADDR_BYTES) {
    return undefined;
  }
  const attributes = parseAttributes(body.subarray(IFADDR_BYTES));
  // On a point-to-point link IFA_ADDRESS is the other end.
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS);
  const family = body[0] === AF_INET ? 4 : body[0] === AF_INET6 ? 6 : undefined;
  const address = bytes === undefined ? undefined : addressText(bytes);
  return family === undefined || address === undefined ? undefined : { index: body.readUInt32LE(4), family, address };
}

/** Four or sixteen bytes; undefined: another number of them. */
export function addressText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) {
    return bytes.join('.');
  }
  if (bytes.length !== 16) {
    return undefined;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const groups = Array.from({ length: 8 }, (_, group) => view.getUint16(group * 2).toString(16));
  return canonicalAddress(groups.join(':'));
}
