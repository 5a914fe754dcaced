/** The SDP in a SIP message's body: the body itself, or parts of a multipart body (RFC 5621). */

/** The descriptions of a body as Latin-1 text, and how to put others into their places. */
export interface SdpBody {
  /** Usually one; `multipart/alternative` may hold several. Never empty. */
  readonly texts: readonly [string, ...string[]];
  /** The whole body with the i-th text in place of the i-th description; all other parts stay byte for byte. */
  readonly replace: (texts: readonly string[]) => Uint8Array;
}

/** multipart/mixed may hold a multipart/alternative; deeper nesting is nobody's call. */
const MAX_DEPTH = 3;

/** `contentType` is the header's value. Undefined: the body carries no session description. */
export function findSdp(contentType: string | undefined, body: Uint8Array): SdpBody | undefined {
  if (contentType === undefined || body.length === 0) {
    return undefined;
  }
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
  const ranges = findRanges(contentType, text, 0, text.length, 0);
  const [first, ...others] = ranges.map(({ start, end }) => text.slice(start, end));
  if (first === undefined) {
    return undefined;
  }
  return {
    texts: [first, ...others],
    replace: (replacements) => {
      const pieces: string[] = [];
      let kept = 0;
      for (const [index, { start, end }] of ranges.entries()) {
        pieces.push(text.slice(kept, start), replacements[index] ?? '');
        kept = end;
      }
      return Buffer.from(pieces.join('') + text.slice(kept), 'latin1');
    },
  };
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** In the order of the text, and none within another. */
function findRanges(contentType: string, text: string, start: number, end: number, depth: number): Range[] {
  if (isSdp(contentType)) {
    return [{ start, end }];
  }
  if (!mediaTypeOf(contentType).startsWith('multipart/') || depth >= MAX_DEPTH) {
    return [];
  }
  const boundary = boundaryOf(contentType);
  return boundary === undefined
    ? []
    : splitParts(text, start, end, boundary).flatMap((part) => findInPart(text, part, depth));
}

function mediaTypeOf(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}

function isSdp(contentType: string): boolean {
  return mediaTypeOf(contentType) === 'application/sdp';
}

/** RFC 2046 5.1.1: at most 70 characters, quoted or not. */
function boundaryOf(contentType: string): string | undefined {
  const match = /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType);
  return match?.[1] ?? match?.[2];
}

/** The parts between the delimiter lines, without the line break that belongs to each delimiter. */
function splitParts(text: string, start: number, end: number, boundary: string): Range[] {
  const delimiter = `--${boundary}`;
  const parts: Range[] = [];
  let partStart = -1;
  for (let at = text.indexOf(delimiter, start); at !== -1 && at < end; at = text.indexOf(delimiter, at + 1)) {
    const atLineStart = at === start || text[at - 1] === '\n';
    const after = text.slice(at + delimiter.length, Math.min(end, at + delimiter.length + 200));
    const tail = /^(--)?[ \t]*(\r\n|\n|$)/.exec(after);
    if (!atLineStart || tail === null) {
      continue;
    }
    if (partStart !== -1) {
      const lineBreak = text[at - 2] === '\r' ? 2 : 1;
      parts.push({ start: partStart, end: Math.max(partStart, at - lineBreak) });
    }
    if (tail[1] !== undefined) {
      return parts;
    }
    partStart = at + delimiter.length + tail[0].length;
  }
  return parts;
}

function findInPart(text: string, part: Range, depth: number): Range[] {
  const content = text.slice(part.start, part.end);
  const blank = /^(\r\n|\n)|\r\n\r\n|\n\n/.exec(content);
  if (blank === null) {
    return [];
  }
  const bodyStart = part.start + blank.index + blank[0].length;
  const headers = content.slice(0, blank.index).replace(/\r?\n[ \t]+/g, ' ');
  const types = [...headers.matchAll(/^(?:content-type|c)[ \t]*:[ \t]*(.*)$/gim)].map(([, type = '']) => type);
  // A part with two types is SDP to a reader that takes the other one.
  const [type] = types.filter(isSdp).concat(types);
  return type === undefined ? [] : findRanges(type.trimEnd(), text, bodyStart, part.end, depth + 1);
}
