/** Finds call records in the file of a day, the newest first. A day may be gigabytes: only its end is read. */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallDetailRecord } from './call-detail-record.ts';

export interface CdrQuery {
  /** YYYY-MM-DD, UTC. */
  readonly day: string;
  /** Part of a number, an address or a Call-ID, in any case; empty: all. */
  readonly text: string;
  /** Q.850. */
  readonly cause: number | undefined;
  /** Records at most. */
  readonly limit: number;
}

export interface CdrsFound {
  readonly records: readonly CallDetailRecord[];
  /** There may be more, older ones. */
  readonly truncated: boolean;
}

/** Read at a time; between two of them others get their turn. */
const CHUNK_BYTES = 256 * 1024;
/** Read at most: about a hundred thousand calls. */
const MOST_BYTES = 64 * 1024 * 1024;
/** A line that is longer was not written by us. */
const LONGEST_LINE_BYTES = 64 * 1024;

const DAY = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/;
const NEWLINE = 0x0a;
const NONE: CdrsFound = { records: [], truncated: false };

/** Nothing where there is no file of that day. Lines that are no records are passed over. */
export async function searchCdrs(dataDir: string, query: CdrQuery): Promise<CdrsFound> {
  if (!DAY.test(query.day)) {
    return NONE;
  }
  const file = await open(join(dataDir, 'cdr', `${query.day}.jsonl`), 'r').catch(() => undefined);
  if (file === undefined) {
    return NONE;
  }
  try {
    return await search(file, query);
  } finally {
    await file.close();
  }
}

async function search(file: FileHandle, query: CdrQuery): Promise<CdrsFound> {
  const matches = matcher(query);
  const records: CallDetailRecord[] = [];
  const { size } = await file.stat();
  const first = Math.max(0, size - MOST_BYTES);
  const chunk = Buffer.alloc(CHUNK_BYTES);
  /** The end of a line whose beginning stands in the chunk before. */
  let tail: Buffer = Buffer.alloc(0);
  for (let end = size; end > first; ) {
    const begin = Math.max(first, end - CHUNK_BYTES);
    const { bytesRead } = await file.read(chunk, 0, end - begin, begin);
    if (bytesRead < end - begin) {
      // The file was cut meanwhile.
      return { records, truncated: true };
    }
    const text = Buffer.concat([chunk.subarray(0, bytesRead), tail]);
    // What comes before belongs to a line that begins earlier.
    const cut = begin === 0 ? 0 : text.indexOf(NEWLINE) + 1;
    const hasWhole = begin === 0 || cut > 0;
    for (const line of hasWhole ? linesBackwards(text.subarray(cut)) : []) {
      const record = matches(line);
      if (record !== undefined) {
        if (records.length === query.limit) {
          return { records, truncated: true };
        }
        records.push(record);
      }
    }
    const rest = hasWhole ? text.subarray(0, cut) : text;
    tail = rest.length > LONGEST_LINE_BYTES ? Buffer.alloc(0) : Buffer.from(rest);
    end = begin;
  }
  return { records, truncated: first > 0 };
}

function linesBackwards(text: Buffer): string[] {
  return text.toString('utf8').split('\n').reverse();
}

/** Most lines are told apart by their text; only those that may match are parsed. */
function matcher({ text, cause }: CdrQuery): (line: string) => CallDetailRecord | undefined {
  const wanted = text.toLowerCase();
  const escaped = JSON.stringify(wanted).slice(1, -1);
  return (line) => {
    if (line === '' || line.length > LONGEST_LINE_BYTES || (wanted !== '' && !line.toLowerCase().includes(escaped))) {
      return undefined;
    }
    const record = parseRecord(line);
    const isWanted =
      record !== undefined &&
      (cause === undefined || record.cause === cause) &&
      namesOf(record).some((name) => String(name).toLowerCase().includes(wanted));
    return isWanted ? record : undefined;
  };
}

function namesOf({ id, callId, calleeCallId, caller, callee }: CallDetailRecord): string[] {
  return [id, callId, calleeCallId ?? '', caller.uri, caller.address ?? '', callee.uri, callee.address ?? ''];
}

/** A torn line, or one of another program, is none. */
function parseRecord(line: string): CallDetailRecord | undefined {
  try {
    const value = JSON.parse(line) as CallDetailRecord | null;
    const isRecord =
      typeof value?.id === 'string' &&
      typeof value.callId === 'string' &&
      typeof value.invitedAt === 'string' &&
      typeof value.caller?.uri === 'string' &&
      typeof value.callee?.uri === 'string';
    return isRecord ? value : undefined;
  } catch {
    return undefined;
  }
}
