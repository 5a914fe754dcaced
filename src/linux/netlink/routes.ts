/**
 * Which way the kernel sends a packet, and whether it knows the next station's hardware address; rtnetlink(7).
 *
 * ```
 *  struct rtmsg   family:1  destination length:1  source length:1  tos:1  table:1  protocol:1  scope:1  type:1  flags:4
 *  struct ndmsg   family:1  -:3  index:4  state:2  flags:1  type:1
 * ```
 */
import { constants } from 'node:os';
import { type AddressFamily, parseIpv4, parseIpv6 } from '../../wire/ip-address.ts';
import { AF_INET, AF_INET6 } from '../socket-address.ts';
import { addressText } from './links.ts';
import {
  formatAttribute,
  formatMessage,
  type NetlinkMessage,
  NLM_F_REQUEST,
  parseAttributes,
  uint32,
  uint32Of,
} from './message.ts';

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
const RTM_GETNEIGH = 30;
export const RTM_NEWRULE = 32;
export const RTM_DELRULE = 33;

const RTMSG_BYTES = 12;
const NDMSG_BYTES = 12;

const RTA_DST = 1;
const RTA_SRC = 2;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_METRICS = 8;
const RTA_MARK = 16;
const RTA_VIA = 18;
const RTA_IP_PROTO = 27;
const RTA_SPORT = 28;
const RTA_DPORT = 29;
const RTAX_MTU = 2;
const NDA_DST = 1;

const RTN_UNICAST = 1;
const RTN_LOCAL = 2;

/** REACHABLE, STALE, DELAY, PROBE, NOARP, PERMANENT: there is a hardware address to send to. */
const NUD_VALID = 0x02 | 0x04 | 0x08 | 0x10 | 0x40 | 0x80;

/** What a packet would be sent with. */
export interface RouteQuestion {
  readonly family: AddressFamily;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  /** 0: none. */
  readonly mark: number;
  readonly tos: number;
}

export type RouteKind = 'unicast' | 'local' | 'other';

export interface Route {
  readonly kind: RouteKind;
  /** By which interface packets leave; 0: none. */
  readonly outIfindex: number;
  /** Undefined: the destination is on the link itself. */
  readonly gateway: string | undefined;
  /** The gateway is of the other family. */
  readonly isForeignGateway: boolean;
  /** Bytes; undefined: the interface's own. */
  readonly mtu: number | undefined;
}

export interface Neighbour {
  readonly index: number;
  readonly address: string;
  /** The kernel can send to it, or has to ask first and may get no answer. */
  readonly isKnown: boolean;
}

/** `withPorts`: kernels before 5.0 refuse the attributes. Undefined: not IP addresses. */
export function routeRequest(sequence: number, question: RouteQuestion): Buffer | undefined {
  const [source, destination] = [ipBytes(question.source), ipBytes(question.destination)];
  if (source === undefined || destination === undefined || source.length !== destination.length) {
    return undefined;
  }
  const header = Buffer.alloc(RTMSG_BYTES);
  header[0] = question.family === 4 ? AF_INET : AF_INET6;
  header[1] = destination.length * 8;
  header[2] = source.length * 8;
  // The two lowest bits are ECN's and choose no route.
  header[3] = question.family === 4 ? question.tos & 0x1c : 0;
  return formatMessage(
    RTM_GETROUTE,
    NLM_F_REQUEST,
    sequence,
    header,
    formatAttribute(RTA_DST, destination),
    formatAttribute(RTA_SRC, source),
    formatAttribute(RTA_IP_PROTO, Uint8Array.of(17)),
    formatAttribute(RTA_SPORT, networkPort(question.sourcePort)),
    formatAttribute(RTA_DPORT, networkPort(question.destinationPort)),
    ...(question.mark === 0 ? [] : [formatAttribute(RTA_MARK, uint32(question.mark))]),
  );
}

/** Undefined: another message, or not a whole one. */
export function parseRoute({ type, body }: NetlinkMessage): Route | undefined {
  if ((type !== RTM_NEWROUTE && type !== RTM_DELROUTE) || body.length < RTMSG_BYTES) {
    return undefined;
  }
  const attributes = parseAttributes(body.subarray(RTMSG_BYTES));
  const metrics = attributes.get(RTA_METRICS);
  const gateway = attributes.get(RTA_GATEWAY);
  return {
    kind: body[7] === RTN_UNICAST ? 'unicast' : body[7] === RTN_LOCAL ? 'local' : 'other',
    outIfindex: uint32Of(attributes, RTA_OIF) ?? 0,
    gateway: gateway === undefined ? undefined : addressText(gateway),
    isForeignGateway: attributes.has(RTA_VIA),
    mtu: metrics === undefined ? undefined : uint32Of(parseAttributes(metrics), RTAX_MTU) || undefined,
  };
}

/** One neighbour; the answer is an error (ENOENT) when the kernel has none. Undefined: not an IP address. */
export function neighbourRequest(sequence: number, index: number, address: string): Buffer | undefined {
  const bytes = ipBytes(address);
  if (bytes === undefined) {
    return undefined;
  }
  const header = Buffer.alloc(NDMSG_BYTES);
  header[0] = bytes.length === 4 ? AF_INET : AF_INET6;
  header.writeInt32LE(index, 4);
  return formatMessage(RTM_GETNEIGH, NLM_F_REQUEST, sequence, header, formatAttribute(NDA_DST, bytes));
}

/** Undefined: another message, or not a whole one. */
export function parseNeighbour({ type, body }: NetlinkMessage): Neighbour | undefined {
  if ((type !== RTM_NEWNEIGH && type !== RTM_DELNEIGH) || body.length < NDMSG_BYTES) {
    return undefined;
  }
  const bytes = parseAttributes(body.subarray(NDMSG_BYTES)).get(NDA_DST);
  const address = bytes === undefined ? undefined : addressText(bytes);
  return address === undefined
    ? undefined
    : {
        index: body.readInt32LE(4),
        address,
        isKnown: type === RTM_NEWNEIGH && (body.readUInt16LE(8) & NUD_VALID) !== 0,
      };
}

/** Errors of a route question that mean "no way there", not "not understood". */
export const NO_ROUTE_ERRORS: ReadonlySet<number> = new Set([
  constants.errno.ENETUNREACH,
  constants.errno.EHOSTUNREACH,
  constants.errno.EACCES,
  constants.errno.EINVAL,
]);

function ipBytes(text: string): Uint8Array | undefined {
  return parseIpv4(text) ?? parseIpv6(text);
}

function networkPort(port: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(port);
  return bytes;
}
