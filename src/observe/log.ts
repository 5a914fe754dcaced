/** Fields of a log line: names from `fields.ts`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The part of pino's logger that the project uses. The sentence is constant; what varies goes to the fields. */
export interface Log {
  error(fields: LogFields, sentence: string): void;
  warn(fields: LogFields, sentence: string): void;
  info(fields: LogFields, sentence: string): void;
  debug(fields: LogFields, sentence: string): void;
  trace(fields: LogFields, sentence: string): void;
  child(fields: LogFields): Log;
  isLevelEnabled(level: string): boolean;
}
