/**
 * Media that somebody fetches while it goes on: `ims-launch capture`. It is kept here in bounded memory from one fetch to
 * the next, as records of a pcap. Who stops fetching is forgotten after a while, and the media returns to the fastest way.
 */
import type { MediaCaptureAnswer, MediaCaptureQuestion } from '../../observe/ipc.ts';
import type { OpenLeg } from '../../relay/recording/open-leg.ts';
import { formatPcapPacket } from '../../relay/recording/pcap.ts';
import type { LegTaps } from '../leg-taps.ts';

/** Bytes that wait to be fetched: a third of a second of 500 calls. */
const MAX_WAITING_BYTES = 4 << 20;

/** Bytes of one answer, which becomes a third longer on its way. */
const MAX_ANSWER_BYTES = 384 << 10;

/** Between two fetches; milliseconds. */
const LEASE_MS = 5000;

const MAX_CAPTURES = 8;

export interface LiveCapturesOptions {
  readonly taps: Pick<LegTaps, 'add' | 'remove'>;
  openLegs(calls: readonly string[] | undefined): readonly OpenLeg[];
}

export class LiveCaptures {
  readonly #options: LiveCapturesOptions;
  readonly #captures = new Map<string, LiveCapture>();

  constructor(options: LiveCapturesOptions) {
    this.#options = options;
  }

  /** Begins the capture of that name if there is none, and tells what has come since the last time. */
  fetch({ capture: name, calls, end }: MediaCaptureQuestion): MediaCaptureAnswer {
    let capture = this.#captures.get(name);
    if (capture === undefined) {
      if (this.#captures.size >= MAX_CAPTURES) {
        return { ...NOTHING, refused: `${MAX_CAPTURES} captures run already` };
      }
      capture = new LiveCapture(name, calls, this.#options, () => this.#captures.delete(name));
      this.#captures.set(name, capture);
    }
    const answer = capture.take();
    if (end) {
      capture.close();
    }
    return answer;
  }

  /** Legs may have been opened, or may be gone. */
  refresh(): void {
    for (const capture of this.#captures.values()) {
      capture.refresh();
    }
  }

  /** Idempotent. */
  close(): void {
    for (const capture of [...this.#captures.values()]) {
      capture.close();
    }
  }
}

const NOTHING: MediaCaptureAnswer = { at: 0, legs: 0, records: '', more: false, dropped: 0, refused: null };

class LiveCapture {
  readonly #tapName: string;
  readonly #calls: readonly string[] | undefined;
  readonly #options: LiveCapturesOptions;
  readonly #onClosed: () => void;
  #legs = new Map<string, OpenLeg>();
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #lease: NodeJS.Timeout | undefined;
  /** Wall clock at the origin of `performance.now()`: finer than its milliseconds, and it does not jump. */
  readonly #origin = Date.now() - performance.now();

  constructor(name: string, calls: readonly string[] | undefined, options: LiveCapturesOptions, onClosed: () => void) {
    this.#tapName = `capture ${name}`;
    this.#calls = calls;
    this.#options = options;
    this.#onClosed = onClosed;
  }

  refresh(): void {
    const legs = new Map<string, OpenLeg>();
    for (const leg of this.#options.openLegs(this.#calls)) {
      const key = `${leg.session}/${leg.side}`;
      legs.set(key, leg);
      if (!this.#legs.has(key)) {
        this.#options.taps.add(leg.session, leg.side, this.#tapName, (component, payload, source) => {
          const { address, port } = this.#legs.get(key)?.local ?? leg.local;
          const destination = { address, port: component === 'rtp' ? port : port + 1 };
          this.#keep(formatPcapPacket({ source, destination, at: this.#now(), payload }));
        });
      }
    }
    this.#legs = legs;
  }

  take(): MediaCaptureAnswer {
    clearTimeout(this.#lease);
    this.#lease = setTimeout(() => this.close(), LEASE_MS);
    this.#lease.unref();
    this.refresh();
    let count = 0;
    for (let bytes = 0; count < this.#waiting.length && bytes < MAX_ANSWER_BYTES; count += 1) {
      bytes += this.#waiting[count]?.length ?? 0;
    }
    const records = Buffer.concat(this.#waiting.splice(0, count));
    this.#waitingBytes -= records.length;
    const more = this.#waiting.length > 0;
    const dropped = this.#dropped;
    const at = this.#now();
    return { at, legs: this.#legs.size, records: records.toString('base64'), more, dropped, refused: null };
  }

  /** Idempotent. */
  close(): void {
    clearTimeout(this.#lease);
    for (const { session, side } of this.#legs.values()) {
      this.#options.taps.remove(session, side, this.#tapName);
    }
    this.#legs.clear();
    this.#onClosed();
  }

  #keep(record: Uint8Array): void {
    if (this.#waitingBytes + record.length > MAX_WAITING_BYTES) {
      this.#dropped += 1;
    } else {
      this.#waiting.push(record);
      this.#waitingBytes += record.length;
    }
  }

  #now(): number {
    return this.#origin + performance.now();
  }
}
