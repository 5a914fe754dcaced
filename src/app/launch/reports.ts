/**
 * What the launcher says: to the console and a file, to those who ask for events, and in full after a crash or in a long
 * wait. The supervisor's reports and our own notes go the same way.
 */
import type { Config } from '../../config/schema.ts';
import { logLevelOf } from '../../observe/level.ts';
import type { LogFields } from '../../observe/log.ts';
import { type Logger, type LogState, logFormatOf, openLogger } from '../../observe/logger.ts';
import type { SupervisorEffect } from '../../supervisor/events.ts';
import type { ServiceName, SupervisorState } from '../../supervisor/state.ts';
import { Journal } from './journal.ts';
import { ConfiguredLogFile } from './log-file.ts';
import { PostMortem } from './post-mortem.ts';
import type { Note } from './reload.ts';
import type { Services } from './services.ts';
import { WaitReporter } from './waits.ts';

type Report = Extract<SupervisorEffect, { kind: 'report' }>;

/** What the two programs know of themselves. */
type Sources = Pick<Services, 'active' | 'lastLinesOf' | 'lastWordsOf' | 'setLevel'>;

export class Reports {
  readonly log: Logger;
  readonly journal = new Journal();
  readonly #services: () => Sources;
  readonly #file: ConfiguredLogFile;
  readonly #postMortem: PostMortem;
  readonly #waits: WaitReporter;

  constructor(env: Readonly<Record<string, string | undefined>>, cwd: string, services: () => Sources) {
    const isTty = process.stderr.isTTY === true;
    this.log = openLogger({ part: 'launch', level: 'info', format: logFormatOf(env), fd: 2, isTty });
    this.#services = services;
    this.#file = new ConfiguredLogFile(this.log, cwd);
    this.#postMortem = new PostMortem({
      lastLinesOf: (service, count) => services().lastLinesOf(service, count),
      forPeople: isTty,
      write: (fields, sentence) => this.log.warn(fields, sentence),
    });
    this.#waits = new WaitReporter(
      () => services().active,
      (reason) => this.note('info', { event: 'launch.waiting', reason }, 'still waiting'),
    );
  }

  /** For `status`. */
  get state(): LogState & ConfiguredLogFile['state'] {
    return { ...this.log.state, ...this.#file.state };
  }

  /** To the log, and to those who ask for events. */
  readonly note: Note = (level, fields, sentence) => {
    this.log[level](fields, sentence);
    if (level !== 'debug') {
      this.journal.note(level, fields.event, sentence, fields);
    }
  };

  /** What the supervisor reports; a program that said why it cannot go on is quoted. */
  report({ level, event, sentence, fields }: Report): void {
    const { service } = fields as { service?: ServiceName };
    const lastWords =
      event === 'comp.gaveup' && service !== undefined ? this.#services().lastWordsOf(service) : undefined;
    const said: LogFields = lastWords === undefined ? {} : { reason: lastWords };
    this.note(level, { event, ...fields, ...said }, sentence);
    this.#postMortem.see(event, level, fields);
  }

  /** After every turn of the supervisor. */
  handleState(state: SupervisorState): void {
    this.#waits.handleState(state);
  }

  /** @throws ImsError when the file of the configuration cannot be opened */
  configure(config: Config): void {
    const level = logLevelOf(config.LOG_LEVEL) ?? 'info';
    if (this.log.level !== level) {
      this.log.level = level;
      this.#services().setLevel(level);
    }
    this.#file.configure(config.log);
  }

  /** Log files were moved away. */
  reopen(): void {
    this.#file.reopen();
  }

  /** Nothing is reported any more; what was is written. */
  async close(): Promise<void> {
    this.#waits.close();
    await this.log.end();
    this.#file.close();
  }
}
