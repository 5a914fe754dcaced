/** The control socket's file while we run: who cleans up /tmp may remove it, and then nobody could reach us. */
import { ImsError } from '../../errors.ts';
import type { ControlServer } from '../../io/control-server.ts';
import type { Log } from '../../observe/log.ts';

/** Between looks at the file, milliseconds. */
const LOOK_MS = 5000;

export class ControlLock {
  readonly #server: ControlServer;
  readonly #prepare: () => void;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout;
  #isLooking = false;
  /** A loss is told once, until it is made good. */
  #told = false;

  /** @param prepare makes the directory, should that be gone as well */
  constructor(server: ControlServer, prepare: () => void, log: Log) {
    this.#server = server;
    this.#prepare = prepare;
    this.#log = log;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  isHeld(): boolean {
    return this.#server.isHeld();
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    this.#server.close();
  }

  async #look(): Promise<void> {
    if (this.#isLooking || this.#server.isHeld()) {
      return;
    }
    this.#isLooking = true;
    const { path } = this.#server;
    try {
      this.#prepare();
      await this.#server.claim();
      this.#told = false;
      this.#log.warn({ event: 'control.renewed', path }, 'the control socket was removed, and is made again');
    } catch (err) {
      if (!this.#told) {
        this.#told = true;
        const reason = err instanceof ImsError ? err.message : String(err);
        const fields = { event: 'control.lost', path, reason };
        this.#log.error(fields, 'the control socket is lost: no status, stop or restart by command');
      }
    } finally {
      this.#isLooking = false;
    }
  }
}
