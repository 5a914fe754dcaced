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

export interface Logger extends Log {
  level: string;
  /** A logger on the same stream for lines that another program printed; its level is its own. */
  forPart(part: string): Logger;
  /** Writes what is still buffered, synchronously; for the last line before the process ends. */
  flush(): void;
}

/** Bytes that may wait for a stalled reader before lines are dropped. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;

/** Opens the process's logger. Secrets never reach it: callers put only the fields of `fields.ts` in. */
export function openLogger(options: LoggerOptions): Logger {
  const asText = options.format === 'pretty' || (options.format === 'auto' && options.isTty);
  const sink = new LogSink(options.fd, MAX_BUFFERED_BYTES);
  const stream = asText
    ? loadPretty()({
        destination: sink,
        colorize: options.isTty && process.env['NO_COLOR'] === undefined,
        translateTime: 'SYS:HH:MM:ss.l',
        ignore: 'pid,hostname,part',
        messageFormat: '{part} | {msg}',
        singleLine: true,
      })
    : sink;
  const logger = pino(
    { level: options.level, timestamp: stdTimeFunctions.isoTime, base: { pid: process.pid } },
    stream,
  );
  const forPart = (part: string): Logger => {
    const child = logger.child({ part }) as unknown as Logger;
    child.forPart = forPart;
    child.flush = () => sink.flush();
    return child;
  };
  return forPart(options.part);
}

/** Loaded only for a terminal: a service or a child in JSON would wait 50 ms at its start for nothing. */
function loadPretty(): (options: PrettyOptions) => PrettyStream {
  return createRequire(import.meta.url)('pino-pretty') as (options: PrettyOptions) => PrettyStream;
}
