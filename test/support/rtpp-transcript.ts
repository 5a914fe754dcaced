/** Transcripts of the control protocol: test/vectors/rtpp/*.tsv. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './project.ts';

export interface TranscriptRow {
  readonly id: string;
  /** What happens before: seconds to wait, SIGHUP, or nothing. */
  readonly before: { readonly waitMs: number; readonly hangUp: boolean };
  /** Without its final LF. */
  readonly request: string;
  /** The whole reply without its final LF. */
  readonly reply: RegExp;
  /** `rtpproxy 3.2, live`, or `ours: ` and the rule that it shows. */
  readonly origin: string;
}

/** Rows that run in order against one fresh relay. */
export interface Transcript {
  readonly name: string;
  readonly title: string;
  readonly transport: 'stdio' | 'udp' | 'udp6' | 'unix' | 'cunix' | 'tcp' | 'tcp6';
  /** Of ims-relay, besides the control socket. */
  readonly args: readonly string[];
  readonly rows: readonly TranscriptRow[];
}

const DIRECTORY = join(projectRoot, 'test', 'vectors', 'rtpp');

export function readTranscripts(): Transcript[] {
  return readdirSync(DIRECTORY)
    .filter((file) => file.endsWith('.tsv'))
    .sort()
    .map((file) => parseTranscript(file.replace(/\.tsv$/, ''), readFileSync(join(DIRECTORY, file), 'utf8')));
}

/** The rows that every relay of this protocol has to have: an id a word, in `required-rows.txt`. */
export function requiredRows(): string[] {
  const text = readFileSync(join(DIRECTORY, 'required-rows.txt'), 'utf8');
  return text
    .replace(/^#.*$/gm, '')
    .split(/\s+/)
    .filter((word) => word !== '');
}

/** First and last media port of the transcript's relay; undefined: it has the default ones, and no row expects a number. */
export function portRange({ args }: Transcript): readonly [number, number] | undefined {
  const first = args.indexOf('-m');
  const last = args.indexOf('-M');
  return first === -1 || last === -1 ? undefined : [Number(args[first + 1]), Number(args[last + 1])];
}

/**
 * The same transcript with media ports from `base`, an even number, upwards: those of the file may be somebody else's on
 * this machine. Numbers of the range move with it, in the arguments and in the replies.
 */
export function moveTo(transcript: Transcript, base: number): Transcript {
  const range = portRange(transcript);
  if (range === undefined) {
    return transcript;
  }
  const [first, last] = range;
  const offset = base - first + (first % 2);
  const move = (text: string): string =>
    text
      .replace(/(?<![0-9])[0-9]{5}(?![0-9])/g, (digits) => {
        const port = Number(digits);
        return port >= first && port <= last ? `${port + offset}` : digits;
      })
      .replace(/(?<![0-9])[0-9]{3}\\d\\d/g, '\\d{5}');
  return {
    ...transcript,
    args: transcript.args.map(move),
    rows: transcript.rows.map((row) => ({ ...row, reply: new RegExp(move(row.reply.source)) })),
  };
}

function parseTranscript(name: string, text: string): Transcript {
  const lines = text.split('\n').filter((line) => line !== '');
  const heading = (key: string): string =>
    lines
      .find((line) => line.startsWith(`# ${key}`))
      ?.slice(key.length + 2)
      .trim() ?? '';
  return {
    name,
    title: heading(''),
    transport: heading('transport') as Transcript['transport'],
    args: heading('arguments')
      .split(' ')
      .filter((word) => word !== ''),
    rows: lines.filter((line) => !line.startsWith('#') && !line.startsWith('id\t')).map(parseRow),
  };
}

function parseRow(line: string): TranscriptRow {
  const [id = '', before = '', request = '', reply = '', origin = ''] = line.split('\t');
  const waitSeconds = /^wait ([0-9.]+)$/.exec(before)?.[1] ?? '0';
  return {
    id,
    before: { waitMs: Number(waitSeconds) * 1000, hangUp: before === 'hup' },
    request: unescapeRequest(request),
    reply: new RegExp(`^(?:${reply})$`),
    origin,
  };
}

function unescapeRequest(text: string): string {
  const characters: Readonly<Record<string, string>> = { t: '\t', r: '\r', n: '\n', '\\': '\\' };
  return text.replace(/\\([trn\\])/g, (_, letter: string) => characters[letter] ?? '');
}
