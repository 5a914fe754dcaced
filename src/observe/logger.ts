import { createRequire } from 'node:module';
import { pino, stdTimeFunctions } from 'pino';
import type { PrettyOptions, PrettyStream } from 'pino-pretty';
import type { LogLevel } from './level.ts';
import type { Log } from './log.ts';
import { LogSink } from './log-sink.ts';

export interface LoggerOptions {
  /** Which program speaks. */
  readonly part: string;
  readonly level: LogLevel;
  /** `auto`: readable on a terminal, one JSON object a line elsewhere. */
  readonly format: 'auto' | 'json' | 'pretty';
  /** 1 = stdout, 2 = stderr. */
  readonly fd: 1 | 2;
  readonly isTty: boolean;
}

/** Where lines go besides the console: JSON, without colours. */
export interface LogFilePart {
  write(line: string): void;
  flush(): void;
  /** For the end: resolves when no write is under way. */
  settled(): Promise<void>;
}

export interface LogState {
  /** The console's reader is gone. */
  readonly consoleIsGone: boolean;
  /** Lines that a stalled or vanished reader of the console has cost. */
  readonly dropped: number;
}

export interface Logger extends Log {
  level: string;
  /** A logger on the same stream for lines that another program printed; its level is its own. */
  forPart(part: string): Logger;
  /** From now on, and with what was logged before it, as far as that is remembered; undefined ends it. */
  setFile(file: LogFilePart | undefined): void;
  readonly state: LogState;
  /** Writes what is still buffered, synchronously. */
  flush(): void;
  /** The same at the end of the process: after what is being written. */
  end(): Promise<void>;
}

/** Bytes that may wait for a stalled reader before lines are dropped. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;

/** Opens the process's logger. Secrets never reach it: callers put only the fields of `fields.ts` in. */
export function openLogger(options: LoggerOptions): Logger {
  const asText = options.format === 'pretty' || (options.format === 'auto' && options.isTty);
  const sink = new LogSink(options.fd, MAX_BUFFERED_BYTES, {
    onCaughtUp: (count) => root.warn({ count }, 'log lines were dropped: their reader was too slow'),
  });
  const console = asText
    ? loadPretty()({
        destination: sink,
        colorize: options.isTty && process.env['NO_COLOR'] === undefined,
        translateTime: 'SYS:HH:MM:ss.l',
        ignore: 'pid,hostname,part,stream,seq,cont',
        messageFormat: (line, messageKey) => `${String(line['part'])} ${markOf(line)} ${String(line[messageKey])}`,
        singleLine: true,
      })
    : sink;
  const tee = new Tee(console);
  const logger = pino({ level: options.level, timestamp: stdTimeFunctions.isoTime, base: { pid: process.pid } }, tee);
  const forPart = (part: string): Logger => {
    const child = logger.child({ part }) as unknown as Mutable<Logger>;
    child.forPart = forPart;
    child.setFile = (file) => tee.setFile(file);
    Object.defineProperty(child, 'state', {
      get: (): LogState => ({ consoleIsGone: sink.isBroken, dropped: sink.dropped }),
    });
    child.flush = () => {
      sink.flush();
      tee.flush();
    };
    child.end = async () => {
      await Promise.all([sink.settled(), tee.settled()]);
      child.flush();
    };
    return child;
  };
  const root = forPart(options.part);
  return root;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** What came from standard error is marked, and not painted red: many programs log everything there. */
function markOf(line: Readonly<Record<string, unknown>>): string {
  return line['stream'] === 'stderr' ? '!' : '|';
}

/** Lines of the start, before anybody knows whether there is a file for them. */
const EARLY_LINES = 200;

/** Colours as they stand in JSON. */
const COLOURS_IN_JSON = /\\u001b\[[0-9;:]*m/g;

/** Console and file. */
class Tee {
  readonly #console: { write(line: string): unknown };
  #file: LogFilePart | undefined;
  #early: string[] | undefined = [];

  constructor(console: { write(line: string): unknown }) {
    this.#console = console;
  }

  write(line: string): void {
    this.#console.write(line);
    if (this.#file !== undefined) {
      this.#file.write(plain(line));
    } else if (this.#early !== undefined && this.#early.length < EARLY_LINES) {
      this.#early.push(plain(line));
    }
  }

  setFile(file: LogFilePart | undefined): void {
    for (const line of this.#early ?? []) {
      file?.write(line);
    }
    this.#early = undefined;
    this.#file = file;
  }

  flush(): void {
    this.#file?.flush();
  }

  async settled(): Promise<void> {
    await this.#file?.settled();
  }
}

function plain(line: string): string {
  return line.includes('\\u001b[') ? line.replace(COLOURS_IN_JSON, '') : line;
}

/** What LOG_FORMAT says; anything else is as if it were not there. */
export function logFormatOf(env: Readonly<Record<string, string | undefined>>): LoggerOptions['format'] {
  const name = env['LOG_FORMAT']?.toLowerCase();
  return name === 'json' || name === 'pretty' ? name : 'auto';
}

/** Loaded only for a terminal: a service or a child in JSON would wait 50 ms at its start for nothing. */
function loadPretty(): (options: PrettyOptions) => PrettyStream {
  return createRequire(import.meta.url)('pino-pretty') as (options: PrettyOptions) => PrettyStream;
}
