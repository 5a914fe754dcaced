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
  /** Counted over both services, from 1. */
  readonly seq: number;
  /** Which incarnation of the service printed it. */
  readonly generation: number;
}

/** Of events, a few hundred bytes each. */
const EVENTS_KEPT = 2000;

/** Lines of both programs; their text, bytes. What is sent to a client at once must fit into its queue. */
const LINES_KEPT = { count: 1000, size: 384 * 1024 } as const;

export class Journal {
  readonly events = new Ring<JournalEvent>({ count: EVENTS_KEPT, size: EVENTS_KEPT }, () => 1);
  readonly lines = new Ring<JournalLine>(LINES_KEPT, ({ line }) => Buffer.byteLength(line));
  #seq = 0;
  #lineSeq = 0;

  note(level: string, event: string, sentence: string, fields: LogFields): void {
    this.#seq += 1;
    const time = new Date().toISOString();
    this.events.push({ seq: this.#seq, time, level, event, sentence, ...fields });
  }

  /** What an incarnation of the service printed last, the oldest line first. Undefined: any. */
  lastLinesOf(service: ServiceName, count: number, generation?: number): string[] {
    const lines = this.lines
      .recent()
      .filter((line) => line.service === service && (generation === undefined || line.generation === generation));
    return lines.slice(-count).map(({ line }) => line);
  }

  /** Returns the line's number. */
  addLine(service: ServiceName, generation: number, stream: 'stdout' | 'stderr', line: string): number {
    this.#lineSeq += 1;
    this.lines.push({ time: new Date().toISOString(), seq: this.#lineSeq, service, generation, stream, line });
    return this.#lineSeq;
  }
}
