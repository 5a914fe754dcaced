/** The SDP in a SIP message's body: the body itself, or one part of a multipart body (RFC 5621). */

/** Where the SDP is, as Latin-1 text, and how to put another one into its place. */
export interface SdpBody {
  readonly text: string;
  /** The whole body with other SDP text in the same place; all other parts stay byte for byte. */
  readonly replace: (text: string) => Uint8Array;
}

/** multipart/mixed may hold a multipart/alternative; deeper nesting is nobody's call. */
const MAX_DEPTH = 3;

/** `contentType` is the header's value. Undefined: the body carries no session description. */
export function findSdp(contentType: string | undefined, body: Uint8Array): SdpBody | undefined {
  if (contentType === undefined || body.length === 0) {
    return undefined;
  }
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
  const range = findRange(contentType, text, 0, text.length, 0);
  if (range === undefined) {
    return undefined;
  }
  const { start, end } = range;
  return {
    text: text.slice(start, end),
    replace: (replacement) => Buffer.from(text.slice(0, start) + replacement + text.slice(end), 'latin1'),
  };
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function findRange(contentType: string, text: string, start: number, end: number, depth: number): Range | undefined {
  const type = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  if (type === 'application/sdp') {
    return { start, end };
  }
  if (!type.startsWith('multipart/') || depth >= MAX_DEPTH) {
    return undefined;
  }
  const boundary = boundaryOf(contentType);
  if (boundary === undefined) {
    return undefined;
  }
  for (const part of splitParts(text, start, end, boundary)) {
    const found = findInPart(text, part, depth);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
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

function findInPart(text: string, part: Range, depth: number): Range | undefined {
  const content = text.slice(part.start, part.end);
  const blank = /^(\r\n|\n)|\r\n\r\n|\n\n/.exec(content);
  if (blank === null) {
    return undefined;
  }
  const bodyStart = part.start + blank.index + blank[0].length;
  const headers = content.slice(0, blank.index).replace(/\r?\n[ \t]+/g, ' ');
  const type = /^(?:content-type|c)[ \t]*:[ \t]*(.*)$/im.exec(headers)?.[1]?.trimEnd();
  return type === undefined ? undefined : findRange(type, text, bodyStart, part.end, depth + 1);
}
