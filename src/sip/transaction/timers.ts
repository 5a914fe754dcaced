/** The timers of RFC 3261 17 (table 4) and RFC 6026 as named deadlines; milliseconds throughout. */

export interface TimerValues {
  /** Estimated round trip. */
  readonly t1Ms: number;
  /** The longest pause between retransmissions of a non-INVITE request and of a response to INVITE. */
  readonly t2Ms: number;
  /** How long a message may stay in the network. */
  readonly t4Ms: number;
}

export const T1_MS = 500;
export const T2_MS = 4000;
export const T4_MS = 5000;

/** RFC 3261 17.1.1.1 and 17.1.2.2. */
export const DEFAULT_TIMERS: TimerValues = { t1Ms: T1_MS, t2Ms: T2_MS, t4Ms: T4_MS };

/**
 * | name     | runs in                    | when it fires                                                   |
 * |----------|----------------------------|-----------------------------------------------------------------|
 * | A        | INVITE client, Calling     | the INVITE again; T1, doubling                                  |
 * | B        | INVITE client, Calling     | gives up after 64*T1                                            |
 * | cancel   | INVITE client, Proceeding  | gives up 64*T1 after the CANCEL (RFC 3261 9.1)                  |
 * | D        | INVITE client, Completed   | repeated finals no longer awaited; 32 s, 0 if reliable          |
 * | M        | INVITE client, Accepted    | further 2xx no longer awaited; 64*T1 (RFC 6026 8.4)             |
 * | E        | other client               | the request again; T1, doubling up to T2                        |
 * | F        | other client               | gives up after 64*T1                                            |
 * | K        | other client, Completed    | repeated finals no longer awaited; T4, 0 if reliable            |
 * | trying   | INVITE server, Proceeding  | sends the 100 unless the user has answered                      |
 * | G        | INVITE server, Completed   | the final response again; T1, doubling up to T2                 |
 * | H        | INVITE server, Completed   | gives up waiting for the ACK after 64*T1                        |
 * | I        | INVITE server, Confirmed   | repeated ACKs no longer awaited; T4, 0 if reliable              |
 * | L        | INVITE server, Accepted    | repeated INVITEs no longer awaited; 64*T1 (RFC 6026 8.7)        |
 * | J        | other server, Completed    | repeated requests no longer awaited; 64*T1, 0 if reliable       |
 * | abandon  | other server, before final | nobody waits for a response any more (RFC 4320): 64*T1          |
 */
export type TimerName =
  | 'A'
  | 'B'
  | 'cancel'
  | 'D'
  | 'M'
  | 'E'
  | 'F'
  | 'K'
  | 'trying'
  | 'G'
  | 'H'
  | 'I'
  | 'L'
  | 'J'
  | 'abandon';

/** Timer D: at least 32 s, whatever T1 is (RFC 3261 17.1.1.2). */
export const TIMER_D_MS = 32_000;

/** The few deadlines of one transaction. */
export class Timers {
  /** Two at most run at once: a list is smaller than a map, and there are many transactions. */
  #running: { readonly name: TimerName; readonly at: number }[] = [];

  start(name: TimerName, at: number): void {
    this.stop(name);
    this.#running.push({ name, at });
  }

  stop(...names: readonly TimerName[]): void {
    this.#running = this.#running.filter((timer) => !names.includes(timer.name));
  }

  stopAll(): void {
    this.#running = [];
  }

  /** The earliest deadline; Infinity: none. */
  next(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { at } of this.#running) {
      earliest = Math.min(earliest, at);
    }
    return earliest;
  }

  /** Stops and names the earliest timer whose time has come. */
  takeDue(now: number): { readonly name: TimerName; readonly at: number } | undefined {
    let due: { readonly name: TimerName; readonly at: number } | undefined;
    for (const timer of this.#running) {
      if (timer.at <= now && (due === undefined || timer.at < due.at)) {
        due = timer;
      }
    }
    if (due !== undefined) {
      this.stop(due.name);
    }
    return due;
  }
}
