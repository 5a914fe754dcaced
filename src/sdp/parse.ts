import { type AddressFamily, familyOf, isMulticast } from '../wire/ip-address.ts';
import { err, ok, type ParseError, type Result } from '../wire/result.ts';
import type {
  Connection,
  Direction,
  MediaDescription,
  RtpMap,
  SdpLine,
  SessionDescription,
} from './session-description.ts';

/** A description with more streams than this is refused: each one costs the relay a session. */
export const MAX_MEDIA = 16;

const MAX_LINES = 2000;

/**
 * Reads an SDP body: the `m=`, `c=` and few `a=` lines that offer/answer and a relay need. Refused is only
 * what leaves those unclear: a first line other than `v=0`, a malformed `m=` or `c=`, an active stream without
 * an address (RFC 8866 5.7), a multicast address (a call is unicast).
 */
export function parseSdp(text: string): Result<SessionDescription, ParseError> {
  const lines = splitLines(text);
  if (lines.length > MAX_LINES) {
    return fail('too-many-lines', text.length, 'RFC 8866 9');
  }
  if (lines[0]?.text.trimEnd() !== 'v=0') {
    return fail('no-version', 0, 'RFC 8866 5.1');
  }
  const offsets: number[] = [];
  let offset = 0;
  for (const line of lines) {
    offsets.push(offset);
    offset += line.text.length + line.ending.length;
    if (line.text.trim() !== '' && !/^[A-Za-z]=/.test(line.text)) {
      return fail('bad-line', offsets.at(-1) ?? 0, 'RFC 8866 5');
    }
  }
  const starts = lines.flatMap((line, index) => (line.text.startsWith('m=') ? [index] : []));
  if (starts.length > MAX_MEDIA) {
    return fail('too-many-media', offsets[starts[MAX_MEDIA] ?? 0] ?? 0, 'RFC 8866 5.14');
  }
  const sessionPart = readAttributes(lines, 0, starts[0] ?? lines.length);
  if (!sessionPart.ok) {
    return fail(sessionPart.error.code, offsets[sessionPart.error.line] ?? 0, 'RFC 8866 5.7');
  }
  const media: MediaDescription[] = [];
  for (const [index, firstLine] of starts.entries()) {
    const endLine = starts[index + 1] ?? lines.length;
    const head = readMediaLine(lines[firstLine]?.text ?? '');
    if (head === undefined) {
      return fail('bad-media', offsets[firstLine] ?? 0, 'RFC 8866 5.14');
    }
    const own = readAttributes(lines, firstLine + 1, endLine);
    if (!own.ok) {
      return fail(own.error.code, offsets[own.error.line] ?? 0, 'RFC 8866 5.7');
    }
    const connection = own.value.connection ?? sessionPart.value.connection;
    if (connection === undefined && head.port !== 0) {
      return fail('no-connection', offsets[firstLine] ?? 0, 'RFC 8866 5.7');
    }
    media.push({
      connection,
      rtcp: own.value.rtcp,
      direction: own.value.direction ?? sessionPart.value.direction ?? 'sendrecv',
      rtcpMux: own.value.rtcpMux,
      rtpMaps: own.value.rtpMaps,
      firstLine,
      endLine,
      ...head,
    });
  }
  return ok({ lines, media, connection: sessionPart.value.connection });
}

function fail(code: string, offset: number, section: string): { ok: false; error: ParseError } {
  return err({ code, offset, section });
}

/** Lines with their endings; joining them gives the input back. */
function splitLines(text: string): SdpLine[] {
  const lines: SdpLine[] = [];
  const ending = /\r\n|\n|\r/g;
  let start = 0;
  for (let match = ending.exec(text); match !== null; match = ending.exec(text)) {
    lines.push({ text: text.slice(start, match.index), ending: match[0] });
    start = match.index + match[0].length;
  }
  if (start < text.length) {
    lines.push({ text: text.slice(start), ending: '' });
  }
  return lines;
}

type MediaHead = Pick<MediaDescription, 'media' | 'port' | 'portCount' | 'proto' | 'formats' | 'payloadTypes'>;

/** `m=<media> <port>[/<count>] <proto> <fmt> …` */
function readMediaLine(text: string): MediaHead | undefined {
  const [media = '', portField = '', proto = '', ...formats] = text.slice(2).trim().split(/ +/);
  const match = /^([0-9]{1,5})(?:\/([0-9]{1,5}))?$/.exec(portField);
  const port = Number(match?.[1]);
  if (media === '' || proto === '' || match === null || port > 65535) {
    return undefined;
  }
  const payloadTypes = /RTP\//i.test(`${proto}/`)
    ? formats.filter((format) => /^[0-9]{1,3}$/.test(format) && Number(format) < 128).map(Number)
    : [];
  return { media, port, portCount: Number(match[2] ?? 1), proto, formats, payloadTypes };
}

interface Attributes {
  readonly connection: Connection | undefined;
  readonly rtcp: MediaDescription['rtcp'];
  readonly direction: Direction | undefined;
  readonly rtcpMux: boolean;
  readonly rtpMaps: ReadonlyMap<number, RtpMap>;
}

function readAttributes(
  lines: readonly SdpLine[],
  start: number,
  end: number,
): Result<Attributes, { readonly code: string; readonly line: number }> {
  let connection: Connection | undefined;
  let rtcp: MediaDescription['rtcp'];
  let direction: Direction | undefined;
  let rtcpMux = false;
  const rtpMaps = new Map<number, RtpMap>();
  for (let index = start; index < end; index++) {
    const text = (lines[index]?.text ?? '').trimEnd();
    if (text.startsWith('c=')) {
      const parsed = readConnection(text);
      if (parsed === undefined) {
        return err({ code: 'bad-connection', line: index });
      }
      if (isMulticast(parsed.address)) {
        return err({ code: 'multicast', line: index });
      }
      // RFC 8866 5.7 lets a stream have several (layered multicast); the first one counts for a unicast call.
      connection ??= parsed;
    } else if (/^a=(sendrecv|sendonly|recvonly|inactive)$/.test(text)) {
      direction = text.slice(2) as Direction;
    } else if (text === 'a=rtcp-mux' || text === 'a=rtcp-mux-only') {
      rtcpMux = true;
    } else if (text.startsWith('a=rtcp:')) {
      rtcp ??= readRtcp(text);
    } else if (text.startsWith('a=rtpmap:')) {
      const match = /^a=rtpmap:([0-9]{1,3}) +([^\s/]+)\/([0-9]{1,9})/.exec(text);
      if (match !== null) {
        rtpMaps.set(Number(match[1]), { encoding: match[2] ?? '', clockRateHz: Number(match[3]) });
      }
    }
  }
  return ok({ connection, rtcp, direction, rtcpMux, rtpMaps });
}

/** `c=IN IP4 198.51.100.1`, with an optional TTL and count that a unicast address does not need. */
function readConnection(text: string): Connection | undefined {
  const match = /^c= *IN +IP([46]) +([^\s/]+)(?:\/[0-9/]+)?$/.exec(text);
  if (match === null) {
    return undefined;
  }
  const family = Number(match[1]) as AddressFamily;
  const address = match[2] ?? '';
  const actual = familyOf(address);
  const isName =
    actual === undefined && /^[A-Za-z0-9]([A-Za-z0-9.-]{0,253})$/.test(address) && !/^[0-9.]+$/.test(address);
  return actual === family || isName ? { family, address } : undefined;
}

/** `a=rtcp:53020` or `a=rtcp:53020 IN IP4 126.16.64.4` (RFC 3605 2.1). Malformed: as if it were not there. */
function readRtcp(text: string): MediaDescription['rtcp'] {
  const match = /^a=rtcp:([0-9]{1,5})(?: +IN +IP[46] +(\S+))?$/.exec(text);
  const port = Number(match?.[1]);
  return match === null || port > 65535 ? undefined : { port, address: match[2] };
}
