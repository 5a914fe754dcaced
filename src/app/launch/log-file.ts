import { resolve } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { ImsError } from '../../errors.ts';
import { LogFile } from '../../observe/log-file.ts';
import type { Logger } from '../../observe/logger.ts';

/** The log in a file (`log.file`), as the configuration has it at present. */
export class ConfiguredLogFile {
  readonly #log: Logger;
  readonly #cwd: string;
  #options: Config['log'] | undefined;
  #file: LogFile | undefined;

  constructor(log: Logger, cwd: string) {
    this.#log = log;
    this.#cwd = cwd;
  }

  /** For `status`. */
  get state(): { readonly file: string | undefined; readonly fileDropped: number } {
    return { file: this.#file?.path, fileDropped: this.#file?.dropped ?? 0 };
  }

  /** @throws ImsError naming the option when the file cannot be opened; the one before goes on then */
  configure(options: Config['log']): void {
    const { file, maxSizeBytes, maxFiles } = options;
    const before = this.#options;
    if (before?.file === file && before?.maxSizeBytes === maxSizeBytes && before?.maxFiles === maxFiles) {
      return;
    }
    const next = file === undefined ? undefined : this.#open(resolve(this.#cwd, file), maxSizeBytes, maxFiles);
    this.#options = options;
    this.#log.setFile(next);
    this.#file?.close();
    this.#file = next;
  }

  reopen(): void {
    this.#file?.reopen();
  }

  close(): void {
    this.#file?.close();
  }

  #open(path: string, maxBytes: number, maxFiles: number): LogFile {
    const onFailure = (err: Error): void => {
      this.#log.error({ event: 'log.file', path, err }, 'the log file cannot be written; the console goes on');
    };
    try {
      return new LogFile({ path, maxBytes, maxFiles, onFailure });
    } catch (error) {
      throw new ImsError('IMS_ERR_CONFIG_INVALID', `log.file: cannot open ${path}: ${(error as Error).message}`);
    }
  }
}
