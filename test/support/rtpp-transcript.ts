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
