/** What an operator wants to see of a crash, in one place: the last lines, how it ended, and what happens next. */
import type { LogFields } from '../../observe/log.ts';
import { readableLine } from '../../observe/readable-line.ts';
import type { ServiceName } from '../../supervisor/state.ts';

const LINES_SHOWN = 50;

export interface PostMortemOptions {
  lastLinesOf(service: ServiceName, count: number): readonly string[];
  /** Every line is a line of the log there. */
  readonly forPeople: boolean;
  write(fields: LogFields & { readonly event: string }, sentence: string): void;
}

/** Watches the supervisor's reports: an end that nobody asked for, and the decision about it that follows. */
export class PostMortem {
  readonly #options: PostMortemOptions;
  readonly #ends = new Map<ServiceName, LogFields>();

  constructor(options: PostMortemOptions) {
    this.#options = options;
  }

  see(event: string, level: string, fields: LogFields): void {
    const { service } = fields as { readonly service?: ServiceName };
    if (service === undefined) {
      return;
    }
    if (event === 'comp.exit') {
      this.#ends.delete(service);
      if (level === 'error') {
        this.#ends.set(service, fields);
      }
      return;
    }
    const end = this.#ends.get(service);
    if (end !== undefined && (event === 'comp.backoff' || event === 'comp.gaveup')) {
      this.#ends.delete(service);
      this.#show(service, { ...end, ...fields });
    }
  }

  #show(service: ServiceName, fields: LogFields): void {
    const { forPeople, write, lastLinesOf } = this.#options;
    const lines = lastLinesOf(service, LINES_SHOWN);
    const event = 'comp.postmortem';
    if (lines.length === 0) {
      write({ event, ...fields, lines: [] }, 'the service printed nothing before it ended');
    } else if (!forPeople) {
      write({ event, ...fields, lines }, 'what the service printed before it ended');
    } else {
      write({ event, ...fields, count: lines.length }, 'what the service printed before it ended:');
      for (const line of lines) {
        write({ event }, `    ${readableLine(line)}`);
      }
    }
  }
}
