/** What the children print, as lines of our own log. */
import { withoutColours } from '../../io/process-lines.ts';
import type { Log } from '../../observe/log.ts';

/** pino's numbers, which our own programs print. */
const LEVELS: Readonly<Record<number, 'trace' | 'debug' | 'info' | 'warn' | 'error'>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'error',
};

/** Names of levels that other programs print. */
const LEVEL_NAMES: Readonly<Record<string, 'trace' | 'debug' | 'info' | 'warn' | 'error'>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  notice: 'info',
  warn: 'warn',
  warning: 'warn',
  err: 'error',
  error: 'error',
  critical: 'error',
  fatal: 'error',
};

/** Fields of a child's line that our own logger writes anew. */
const OWN_FIELDS = new Set(['level', 'time', 'pid', 'hostname', 'part', 'msg']);

export interface ChildLine {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
  /** Counted over both programs: which line came before which. */
  readonly seq: number;
  /** It goes on where the line before ended. */
  readonly continued: boolean;
}

/**
 * Logs one line of a child. A line of our own programs keeps its level, sentence and fields; the JSON of any other is
 * kept whole as `json`, with its level and sentence lifted; anything else is a sentence.
 */
export function logChildLine(log: Log, { stream, text, seq, continued }: ChildLine): void {
  const own = { stream, seq, ...(continued ? { cont: true } : {}) };
  const object = parseObject(withoutColours(text));
  const sentence = object === undefined ? undefined : (object['msg'] ?? object['message']);
  if (object === undefined || typeof sentence !== 'string') {
    if (text.trim() !== '') {
      log.info(own, text);
    }
    return;
  }
  const isOurs = typeof object['part'] === 'string' && typeof object['level'] === 'number';
  const fields = isOurs
    ? { seq, ...Object.fromEntries(Object.entries(object).filter(([name]) => !OWN_FIELDS.has(name))) }
    : { ...own, json: object };
  log[levelOf(object['level'])](fields, sentence);
}

function levelOf(level: unknown): 'trace' | 'debug' | 'info' | 'warn' | 'error' {
  const known = typeof level === 'number' ? LEVELS[level] : LEVEL_NAMES[String(level).toLowerCase()];
  return known ?? 'info';
}

/** A program that logs whole SIP messages logs credentials with them: nobody needs those. */
export function withoutSecrets(line: string): string {
  return line.replace(line.startsWith('{') ? CREDENTIALS_IN_JSON : CREDENTIALS, '$1…');
}

const CREDENTIALS = /(authorization\s*:\s*).+/gi;

/** Up to the end of the JSON string, or of the header inside it (an escaped line end). */
const CREDENTIALS_IN_JSON = /(authorization"?\s*:\s*"?)(?:\\"|[^"\\])+/gi;

function parseObject(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) {
    return undefined;
  }
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Words of a command line after which, or in which, a secret stands. */
const SECRET_NAME = /pass|secret|token|key|auth/i;

/** A command line as it may be shown: `--password x`, `--token=x` and `API_KEY=x` without their values. */
export function withoutSecretArguments(argv: readonly string[]): string[] {
  return argv.map((word, index) => {
    const [, name = '', value] = /^([^=]*)=(.*)$/s.exec(word) ?? [];
    if (value !== undefined && SECRET_NAME.test(name)) {
      return `${name}=…`;
    }
    const before = argv[index - 1] ?? '';
    return before.startsWith('-') && !before.includes('=') && SECRET_NAME.test(before) ? '…' : word;
  });
}
