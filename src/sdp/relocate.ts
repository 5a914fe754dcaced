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
  /** For each `m=` line its new port; undefined leaves that stream where it is (port 0, or not for a relay). */
  readonly ports: readonly (number | undefined)[];
}

/**
 * ICE (RFC 8839), multiplexed RTCP (RFC 5761, 8858) and BUNDLE (RFC 9143) promise paths that bypass the relay's
 * port pairs; without these lines both parties fall back to what RFC 3264 gives them.
 */
const REMOVED =
  /^a=(candidate:|remote-candidates:|end-of-candidates|ice-|rtcp-mux(-only)?\s*$|bundle-only\s*$|group:BUNDLE\b)/i;

/**
 * The description with its media moved to the relay. Line order, line endings and all other lines stay.
 * A null address (0.0.0.0, the hold of RFC 2543) stays too: it tells the peer not to send, not where to send.
 */
export function relocateMedia(description: SessionDescription, relocation: Relocation): string {
  const { lines, media } = description;
  const output: SdpLine[] = [];
  const firstMedia = media[0]?.firstLine ?? lines.length;
  const written = addressField(relocation.address);
  // When nothing is relayed (all streams are off) there is no new place to name.
  const moves = relocation.ports.some((port) => port !== undefined);
  for (const line of lines.slice(0, firstMedia)) {
    if (line.text.startsWith('o=')) {
      output.push({ ...line, text: line.text.replace(/IN +IP[46] +\S+(\s*)$/, `${written}$1`) });
    } else if (!REMOVED.test(line.text)) {
      output.push(moves ? relocateConnection(line, written) : line);
    }
  }
  for (const [index, stream] of media.entries()) {
    output.push(...relocateStream(description, stream, relocation.ports[index], written, moves));
  }
  return formatSdp({ lines: output });
}

function relocateStream(
  description: SessionDescription,
  stream: MediaDescription,
  port: number | undefined,
  written: string,
  sessionMoved: boolean,
): SdpLine[] {
  const own = description.lines.slice(stream.firstLine, stream.endLine);
  const [head, ...rest] = own;
  if (head === undefined) {
    return [];
  }
  if (port === undefined) {
    // The session's c= now names the relay: a stream that stays elsewhere needs a c= of its own.
    const inherits = sessionMoved && stream.port !== 0 && !rest.some((line) => line.text.startsWith('c='));
    const title = rest.findIndex((line) => !line.text.startsWith('i='));
    const before = inherits && stream.connection !== undefined ? (title === -1 ? rest.length : title) : rest.length;
    const kept = rest.filter((line) => !REMOVED.test(line.text));
    if (inherits && stream.connection !== undefined) {
      const { family, address } = stream.connection;
      kept.splice(before, 0, { text: `c=IN IP${family} ${address}`, ending: head.ending || '\r\n' });
    }
    return [head, ...kept];
  }
  const moved: SdpLine[] = [
    { ...head, text: head.text.replace(/^(m=\s*\S+ +)[0-9]+(\/[0-9]+)?/, (_, start: string) => `${start}${port}`) },
  ];
  for (const line of rest) {
    if (REMOVED.test(line.text)) {
      continue;
    }
    if (isRtp(stream) && line.text.startsWith('a=rtcp:')) {
      const withAddress = / IN +IP[46] /.test(line.text);
      moved.push({ ...line, text: `a=rtcp:${port + 1}${withAddress ? ` ${written}` : ''}` });
    } else {
      moved.push(relocateConnection(line, written));
    }
  }
  return moved;
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
