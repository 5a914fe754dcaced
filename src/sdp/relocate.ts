import { familyOf } from '../wire/ip-address.ts';
import {
  formatSdp,
  isRtp,
  type MediaDescription,
  type SdpLine,
  type SessionDescription,
} from './session-description.ts';

/** Where the relay wants the streams of a description to go. */
export interface Relocation {
  /** IP literal that replaces the addresses of `o=`, `c=` and `a=rtcp`. */
  readonly address: string;
  /** For each `m=` line its new port; undefined switches that stream off: it is off already, or not for a relay. */
  readonly ports: readonly (number | undefined)[];
}

/**
 * ICE (RFC 8839), multiplexed RTCP (RFC 5761, 8858) and BUNDLE (RFC 9143) promise paths that bypass the relay's
 * port pairs; without these lines both parties fall back to what RFC 3264 gives them. Alternative addresses
 * (RFC 6947) and source filters (RFC 4570) name the party's own address, which is not where its packets come from.
 */
const REMOVED =
  /^a=(candidate:|remote-candidates:|end-of-candidates|ice-|rtcp-mux(-only)?\s*$|bundle-only\s*$|group:BUNDLE\b|source-filter\s*:|altc?\s*:)/i;

/** Where RTCP goes, and where MSRP is (RFC 3605, 4975): addresses of the party that mean nothing beyond the relay. */
const PLACES = /^a=(rtcp|path)\s*:/i;

/**
 * The description with its media moved to the relay; none of the party's own addresses is left. Line order, line endings and all other lines stay.
 * A null address (0.0.0.0, the hold of RFC 2543) stays too: it tells the peer not to send, not where to send.
 */
export function relocateMedia(description: SessionDescription, relocation: Relocation): string {
  const { lines, media } = description;
  const output: SdpLine[] = [];
  const firstMedia = media[0]?.firstLine ?? lines.length;
  const written = addressField(relocation.address);
  for (const line of lines.slice(0, firstMedia)) {
    if (line.text.startsWith('o=')) {
      output.push({ ...line, text: relocateOrigin(line.text, written) });
    } else if (!REMOVED.test(line.text) && !PLACES.test(line.text)) {
      output.push(relocateConnection(line, written));
    }
  }
  for (const [index, stream] of media.entries()) {
    output.push(...relocateStream(description, stream, relocation.ports[index], written));
  }
  return formatSdp({ lines: output });
}

function relocateStream(
  description: SessionDescription,
  stream: MediaDescription,
  port: number | undefined,
  written: string,
): SdpLine[] {
  const own = description.lines.slice(stream.firstLine, stream.endLine);
  const [head, ...rest] = own;
  if (head === undefined) {
    return [];
  }
  const newPort = port ?? 0;
  const moved: SdpLine[] = [
    { ...head, text: head.text.replace(/^(m=\s*\S+ +)[0-9]+(\/[0-9]+)?/, (_, start: string) => `${start}${newPort}`) },
  ];
  for (const line of rest) {
    if (REMOVED.test(line.text)) {
      continue;
    }
    if (PLACES.test(line.text)) {
      if (port !== undefined && isRtp(stream) && line.text.startsWith('a=rtcp:')) {
        const withAddress = / IN +IP[46] /.test(line.text);
        moved.push({ ...line, text: `a=rtcp:${port + 1}${withAddress ? ` ${written}` : ''}` });
      }
    } else {
      moved.push(relocateConnection(line, written));
    }
  }
  return moved;
}

/** `o=<user> <id> <version> <nettype> <addrtype> <address>`: the last three are ours, however they were spaced. */
function relocateOrigin(text: string, written: string): string {
  const fields = text.slice(2).trim().split(/\s+/);
  // A user name with blanks is wrong, but known; the other fields are counted from the end.
  const nameFields = Math.max(1, fields.length - 5);
  const user = fields.slice(0, nameFields).join(' ') || '-';
  return `o=${user} ${fields[nameFields] ?? 0} ${fields[nameFields + 1] ?? 0} ${written}`;
}

function relocateConnection(line: SdpLine, written: string): SdpLine {
  if (!line.text.startsWith('c=') || / (0\.0\.0\.0|::)\s*$/.test(line.text)) {
    return line;
  }
  return { ...line, text: `c=${written}` };
}

function addressField(address: string): string {
  return `IN IP${familyOf(address) ?? 4} ${address}`;
}
