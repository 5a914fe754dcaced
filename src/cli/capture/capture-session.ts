/**
 * A capture from its first answer to its end. The launcher is asked ten times a second and keeps nothing of its own: when
 * we vanish, the relay forgets the capture some seconds later.
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { CaptureAnswer } from '../../app/launch/capture.ts';
import { ImsError } from '../../errors.ts';
import type { ControlClient } from '../../io/control-client.ts';
import { ask } from '../launcher-client.ts';
import { visible } from '../visible.ts';
import type { CaptureFile } from './capture-file.ts';
import { sipRecord, splitRecords } from './records.ts';
import { TimeMerge } from './time-merge.ts';

const INTERVAL_MS = 100;

/** What the parties still say when the call is over; milliseconds. */
const FAREWELL_MS = 1000;

/** Answers that are full, one after the other, at the end. */
const MAX_REST = 100;

export type Ending = 'interrupted' | 'time' | 'full' | 'reader-gone' | 'call-over' | 'relay-gone' | 'launcher-stopped';

export interface CaptureFigures {
  sipMessages: number;
  mediaPackets: number;
  /** Not fetched in time. */
  sipDropped: number;
  mediaDropped: number;
  /** Of ours that SIP came to. */
  readonly sipPorts: Set<number>;
  readonly startedAt: number;
  /** There was nobody to ask for SIP. */
  readonly sipIsAbsent: boolean;
}

export interface RunOptions {
  readonly seconds: number;
  readonly interrupted: AbortSignal;
  onProgress(figures: CaptureFigures): void;
}

const [SIP, MEDIA] = [0, 1];

export class CaptureSession {
  readonly figures: CaptureFigures;
  /** Why a half is missing from the beginning. */
  readonly absent: readonly string[];
  readonly #client: ControlClient;
  readonly #name: string;
  readonly #call: string | undefined;
  readonly #merge = new TimeMerge(2);
  readonly #relayPid: number | null;
  #imsPid: number | null;
  #after: number | undefined;
  #isUp = false;
  #overSince: number | undefined;
  #last: CaptureAnswer;

  private constructor(client: ControlClient, name: string, call: string | undefined, first: CaptureAnswer) {
    this.#client = client;
    this.#name = name;
    this.#call = call;
    this.#relayPid = first.pids.relay;
    this.#imsPid = first.pids.ims;
    this.#last = first;
    this.absent = [first.sip, first.media].flatMap((half) => ('absent' in half ? [half.absent] : []));
    this.figures = {
      sipMessages: 0,
      mediaPackets: 0,
      sipDropped: 0,
      mediaDropped: 0,
      sipPorts: new Set(),
      startedAt: performance.now(),
      sipIsAbsent: 'absent' in first.sip,
    };
  }

  /** @throws ImsError when there is nothing to capture */
  static async begin(client: ControlClient, name: string, call: string | undefined): Promise<CaptureSession> {
    const request = { verb: 'capture', capture: name, call, after: undefined, end: false } as const;
    const first = (await ask(client, request)) as CaptureAnswer;
    const { sip, media } = first;
    if ('absent' in sip && 'absent' in media) {
      throw new ImsError('IMS_ERR_CONTROL_REFUSED', `${sip.absent}, and ${media.absent}`);
    }
    if ('refused' in media && media.refused !== null) {
      throw new ImsError('IMS_ERR_CONTROL_REFUSED', media.refused);
    }
    const isKnown = ('legs' in media && media.legs > 0) || ('up' in sip && (sip.up > 0 || sip.messages.length > 0));
    if (call !== undefined && !isKnown) {
      throw new ImsError('IMS_ERR_NO_SUCH_CALL', `neither relay nor IMS knows a call ${visible(call)}`);
    }
    return new CaptureSession(client, name, call, first);
  }

  /** Until it has to end. @throws ImsError when the file cannot be written */
  async run(file: CaptureFile, options: RunOptions): Promise<Ending> {
    this.#take(this.#last);
    for (;;) {
      const written = await file.write(this.#merge.take().map(({ bytes }) => bytes));
      options.onProgress(this.figures);
      const ending = written === 'written' ? this.#endingNow(options) : written;
      if (ending !== undefined) {
        return await this.#end(file, ending);
      }
      await this.#pause(options.interrupted);
      if (!(await this.#fetch(false))) {
        return await this.#end(file, 'launcher-stopped');
      }
    }
  }

  #endingNow({ seconds, interrupted }: RunOptions): Ending | undefined {
    if (interrupted.aborted) {
      return 'interrupted';
    }
    if (performance.now() - this.figures.startedAt >= seconds * 1000) {
      return 'time';
    }
    if (this.#relayPid !== null && this.#last.pids.relay !== this.#relayPid) {
      return 'relay-gone';
    }
    return this.#isCallOver() ? 'call-over' : undefined;
  }

  #isCallOver(): boolean {
    const { sip, media } = this.#last;
    const isUp = ('legs' in media && media.legs > 0) || ('up' in sip && sip.up > 0);
    if (this.#call === undefined || isUp) {
      this.#isUp ||= isUp;
      this.#overSince = undefined;
      return false;
    }
    this.#overSince ??= performance.now();
    return !this.#isUp || performance.now() - this.#overSince >= FAREWELL_MS;
  }

  async #end(file: CaptureFile, ending: Ending): Promise<Ending> {
    let isThere = ending !== 'launcher-stopped';
    for (let count = 0; isThere && this.#hasMore && count < MAX_REST; count += 1) {
      isThere = await this.#fetch(false);
    }
    if (isThere) {
      await this.#fetch(true);
    }
    if (ending !== 'full' && ending !== 'reader-gone') {
      await file.write(this.#merge.takeAll().map(({ bytes }) => bytes));
    }
    return ending;
  }

  get #hasMore(): boolean {
    const { sip, media } = this.#last;
    return ('more' in sip && sip.more) || ('more' in media && media.more);
  }

  async #pause(interrupted: AbortSignal): Promise<void> {
    if (!this.#hasMore && !interrupted.aborted) {
      const over = new AbortController();
      const pause = delay(INTERVAL_MS, undefined, { signal: over.signal }).catch(() => {});
      await Promise.race([pause, once(interrupted, 'abort', { signal: over.signal }).catch(() => {})]);
      over.abort();
    }
  }

  /** False: the launcher is gone. */
  async #fetch(end: boolean): Promise<boolean> {
    const request = { verb: 'capture', capture: this.#name, call: this.#call, after: this.#after, end } as const;
    try {
      this.#take((await ask(this.#client, request)) as CaptureAnswer);
      return true;
    } catch (error) {
      if (error instanceof ImsError && error.code === 'IMS_ERR_NO_ANSWER') {
        return false;
      }
      throw error;
    }
  }

  #take(answer: CaptureAnswer): void {
    const { sip, media, pids } = answer;
    const { figures } = this;
    this.#last = answer;
    if (pids.ims !== this.#imsPid) {
      // Another process has numbers of its own.
      this.#imsPid = pids.ims;
      this.#after = undefined;
    } else if ('messages' in sip) {
      const records = sip.messages.map(sipRecord).filter((record) => record !== undefined);
      this.#merge.push(SIP, records, sip.at);
      this.#after = sip.next;
      figures.sipMessages += records.length;
      figures.sipDropped += sip.dropped;
      for (const { local } of sip.messages) {
        figures.sipPorts.add(Number(local.slice(local.lastIndexOf(':') + 1)));
      }
    }
    if ('absent' in sip) {
      // Media does not wait for who says nothing.
      this.#merge.push(SIP, [], Date.now());
    }
    if ('records' in media) {
      const records = splitRecords(Buffer.from(media.records, 'base64'));
      this.#merge.push(MEDIA, records, media.more ? (records.at(-1)?.at ?? 0) : media.at);
      figures.mediaPackets += records.length;
      figures.mediaDropped = media.dropped;
    } else {
      this.#merge.push(MEDIA, [], Date.now());
    }
  }
}
