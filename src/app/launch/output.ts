/** What the children print, as lines of our own log. */
import type { Log } from '../../observe/log.ts';
import type { ServiceName } from '../../supervisor/state.ts';

/** pino's numbers, which our own programs print. */
const LEVELS: Readonly<Record<number, 'trace' | 'debug' | 'info' | 'warn' | 'error'>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'error',
};

/** Fields of a child's line that our own logger writes anew. */
const OWN_FIELDS = new Set(['level', 'time', 'pid', 'hostname', 'part', 'msg']);

/** Logs one line of a child: a JSON line of pino keeps its level, sentence and fields, any other is a sentence. */
export function logChildLine(log: Log, service: ServiceName, stream: 'stdout' | 'stderr', line: string): void {
  const parsed = parsePinoLine(line);
  if (parsed !== undefined) {
    const { level, msg, ...rest } = parsed;
    const fields = Object.fromEntries(Object.entries(rest).filter(([name]) => !OWN_FIELDS.has(name)));
    log[LEVELS[level] ?? 'info'](fields, msg);
  } else if (line.trim() !== '') {
    log.info({ service, stream }, line);
  }
}

/** A program that logs whole SIP messages logs credentials with them: nobody needs those. */
export function withoutSecrets(line: string): string {
  return line.replace(line.startsWith('{') ? CREDENTIALS_IN_JSON : CREDENTIALS, '$1…');
}

const CREDENTIALS = /(authorization\s*:\s*).+/gi;

/** Up to the end of the JSON string, or of the header inside it (an escaped line end). */
const CREDENTIALS_IN_JSON = /(authorization"?\s*:\s*"?)(?:\\"|[^"\\])+/gi;

function parsePinoLine(line: string): { level: number; msg: string } | undefined {
  if (!line.startsWith('{')) {
    return undefined;
  }
  try {
    const value = JSON.parse(line) as { level?: unknown; msg?: unknown };
    return typeof value.level === 'number' && typeof value.msg === 'string'
      ? (value as { level: number; msg: string })
      : undefined;
  } catch {
    return undefined;
  }
}
