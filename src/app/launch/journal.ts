/** What happened lately, kept for those who ask: events of the supervisor, and lines of the two programs. */
import type { LogFields } from '../../observe/log.ts';
import { Ring } from '../../observe/ring.ts';
import type { ServiceName } from '../../supervisor/state.ts';

/** `fields`: names of `observe/fields.ts`. */
export interface JournalEvent extends LogFields {
  /** Counted from 1; a gap says that older ones are forgotten. */
  readonly seq: number;
  /** RFC 3339. */
  readonly time: string;
  readonly level: string;
  readonly event: string;
  readonly sentence: string;
}

export interface JournalLine {
  readonly time: string;
  readonly service: ServiceName;
  readonly stream: 'stdout' | 'stderr';
  readonly line: string;
}

/** Of events, a few hundred bytes each. */
const EVENTS_KEPT = 2000;

/** Lines of both programs; their text, bytes. What is sent to a client at once must fit into its queue. */
const LINES_KEPT = { count: 1000, size: 384 * 1024 } as const;

export class Journal {
  readonly events = new Ring<JournalEvent>({ count: EVENTS_KEPT, size: EVENTS_KEPT }, () => 1);
  readonly lines = new Ring<JournalLine>(LINES_KEPT, ({ line }) => Buffer.byteLength(line));
  #seq = 0;

  note(level: string, event: string, sentence: string, fields: LogFields): void {
    this.#seq += 1;
    const time = new Date().toISOString();
    this.events.push({ seq: this.#seq, time, level, event, sentence, ...fields });
  }

  /** What the service printed last, the oldest line first. */
  lastLinesOf(service: ServiceName, count: number): string[] {
    const lines = this.lines.recent().filter((line) => line.service === service);
    return lines.slice(-count).map(({ line }) => line);
  }

  addLine(service: ServiceName, stream: 'stdout' | 'stderr', line: string): void {
    this.lines.push({ time: new Date().toISOString(), service, stream, line });
  }
}
