/**
 * An SDP body (RFC 8866) as lines, and where its media are in them. The lines are the truth: whatever this
 * project does not know about stays as it came, byte for byte, in its place.
 *
 * Text is Latin-1 throughout: one character stands for one byte, so UTF-8 in `s=` or `i=` survives unread.
 */
import type { AddressFamily } from '../wire/ip-address.ts';

/** RFC 3264 5.1 and 8.4; `sendrecv` when no attribute says otherwise. */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** What a `c=` line says (RFC 8866 5.7). `address` is a literal, or a host name as it was written. */
export interface Connection {
  readonly family: AddressFamily;
  readonly address: string;
}

/** One line without its ending, and the ending: CRLF, LF, CR, or nothing for a last line that has none. */
export interface SdpLine {
  readonly text: string;
  readonly ending: string;
}

/** `a=rtpmap` (RFC 8866 6.6). */
export interface RtpMap {
  readonly encoding: string;
  readonly clockRateHz: number;
}

/** One `m=` line with what belongs to it. */
export interface MediaDescription {
  /** `audio`, `video`, `image`, … */
  readonly media: string;
  /** 0: the stream is rejected or switched off (RFC 3264 6 and 8.2). */
  readonly port: number;
  /** The `/2` of `m=audio 49170/2`; 1 without it. */
  readonly portCount: number;
  /** `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, `udptl`, … */
  readonly proto: string;
  readonly formats: readonly string[];
  /** Its own `c=` or else the session's. Only a stream with port 0 may be without. */
  readonly connection: Connection | undefined;
  /** `a=rtcp` (RFC 3605): where this party wants RTCP, if not at port + 1. */
  readonly rtcp: { readonly port: number; readonly address: string | undefined } | undefined;
  readonly direction: Direction;
  readonly rtcpMux: boolean;
  /** RTP payload types of the format list, in order of preference; empty for other protocols. */
  readonly payloadTypes: readonly number[];
  readonly rtpMaps: ReadonlyMap<number, RtpMap>;
  /** Index of the `m=` line, and of the first line after this description. */
  readonly firstLine: number;
  readonly endLine: number;
}

export interface SessionDescription {
  readonly lines: readonly SdpLine[];
  readonly media: readonly MediaDescription[];
  /** The `c=` line before the first `m=`. */
  readonly connection: Connection | undefined;
}

/** RTP over UDP in any of its profiles: RTCP goes with it. */
export function isRtp(media: MediaDescription): boolean {
  return /(^|\/)RTP\//i.test(`${media.proto}/`) && !isConnectionOriented(media);
}

/** MSRP, BFCP over TCP, RTP over TCP (RFC 4145, 4571): a relay of datagrams cannot carry it. */
export function isConnectionOriented(media: MediaDescription): boolean {
  return /^(TCP|SCTP)(\/|$)/i.test(media.proto);
}

/** Neither side expects this stream to flow towards the party that wrote the description (hold included). */
export function isHeld(media: MediaDescription): boolean {
  const { connection } = media;
  const nullAddress = connection !== undefined && /^(0\.0\.0\.0|::)$/.test(connection.address);
  return nullAddress || media.direction === 'sendonly' || media.direction === 'inactive';
}

/** The description as text, with the line endings that it came with. */
export function formatSdp(description: { readonly lines: readonly SdpLine[] }): string {
  return description.lines.map((line) => line.text + line.ending).join('');
}
