/**
 * Calls that have not ended, on the disk: when this process is killed, the next one writes the records that it owes. When
 * such a call ended nobody saw; its record says the last instant at which it was known to be up.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { Log } from '../../observe/log.ts';
import type { CallEvent, CallRecord } from '../../sip/b2bua/call-record.ts';
import type { CallDetailRecord } from '../../store/call-detail-record.ts';
import type { CdrWriter } from '../../store/cdr-writer.ts';
import { KeyedJournal } from '../../store/keyed-journal.ts';
import { q850Cause } from '../../store/q850.ts';
import { openRecordOf, type WallClock } from './call-log.ts';

/** The key under which the journal says when somebody last looked after its calls, milliseconds since 1970. */
const ALIVE = '@alive';

/** How exact the end of a call is that nobody saw; milliseconds. */
const ALIVE_EVERY_MS = 5000;

const ended = z.iso.datetime();

/** As far as this file reads it again; the rest is carried along. */
const storedSchema = z.looseObject({
  event: z.enum(['call', 'end']),
  id: z.string(),
  callId: z.string(),
  invitedAt: ended,
  answeredAt: ended.optional(),
  endedAt: ended.optional(),
});

export interface OpenCallsOptions {
  readonly dataDir: string;
  readonly log: Log;
  readonly wallClock: WallClock;
  readonly records: CdrWriter;
}

/** A call as it was reported last. */
interface OpenCall {
  readonly record: CallRecord;
  readonly merged: boolean;
}

export class OpenCalls {
  readonly #options: OpenCallsOptions;
  /** A number: the value of ALIVE. */
  readonly #open = new Map<string, OpenCall | number>();
  readonly #journal: KeyedJournal<OpenCall | number>;
  #alive: NodeJS.Timeout | undefined;

  constructor(options: OpenCallsOptions) {
    this.#options = options;
    const { dataDir, log } = options;
    this.#journal = new KeyedJournal({
      path: join(dataDir, 'open-calls.jsonl'),
      snapshot: () => this.#open,
      format: (value) => (typeof value === 'number' ? value : this.#recordOf(value)),
      log,
    });
  }

  /**
   * Writes the records of calls whose end an earlier run did not live to see.
   * @param resumed calls that go on: theirs are written when they end
   */
  async settle(resumed: ReadonlySet<string>): Promise<void> {
    const { records, log } = this.#options;
    const left = this.#journal.read();
    const stamp = left.get(ALIVE);
    const aliveAt = typeof stamp === 'number' ? stamp : Date.now();
    // A call may have ended, and its record be written, just before the kill.
    const missing = await records.missing(new Date(aliveAt));
    let count = 0;
    for (const [key, value] of left) {
      if (resumed.has(key)) {
        continue;
      }
      this.#journal.set(key, undefined);
      const stored = storedSchema.safeParse(value);
      const formats = stored.success ? missing(stored.data) : [];
      if (stored.success && formats.length > 0) {
        records.write(
          stored.data.endedAt === undefined ? closed(stored.data, aliveAt) : asStored(stored.data),
          formats,
        );
        count++;
      }
    }
    if (count > 0) {
      log.warn({ count }, 'an earlier run ended with calls up: their records are written now');
    }
  }

  /** @param merged CDR_MERGE_MODE: one line for a call */
  handle(event: CallEvent, merged: boolean): void {
    this.#set(event.record.id, { record: event.record, merged });
    if (this.#alive === undefined) {
      this.#stamp();
      this.#alive = setInterval(() => this.#stamp(), ALIVE_EVERY_MS);
      this.#alive.unref();
    }
  }

  /** The record of a call that has ended was handed to the writer. */
  written(id: string): void {
    this.#open.delete(id);
    this.#journal.set(id, undefined);
    const isIdle = this.#open.size === (this.#open.has(ALIVE) ? 1 : 0);
    if (isIdle) {
      clearInterval(this.#alive);
      this.#alive = undefined;
      this.#open.delete(ALIVE);
      this.#journal.set(ALIVE, undefined);
    }
  }

  /** Calls that ring or are answered. */
  get records(): CallDetailRecord[] {
    return [...this.#open.values()].flatMap((value) => {
      const isUp = typeof value !== 'number' && value.record.endedAt === undefined;
      return isUp ? [this.#recordOf(value)] : [];
    });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#alive);
    await this.#journal.close();
  }

  #stamp(): void {
    this.#set(ALIVE, Date.now());
  }

  #recordOf({ record, merged }: OpenCall): CallDetailRecord {
    return openRecordOf(record, merged, this.#options.wallClock);
  }

  #set(key: string, value: OpenCall | number): void {
    this.#open.set(key, value);
    this.#journal.set(key, value);
  }
}

const SERVER_LOST = 'server-lost';

function closed(stored: z.infer<typeof storedSchema>, aliveAt: number): CallDetailRecord {
  const record = asStored(stored);
  const since = Date.parse(stored.answeredAt ?? stored.invitedAt);
  const endedAt = Math.max(since, aliveAt);
  return {
    ...record,
    endedAt: new Date(endedAt).toISOString(),
    durationSeconds: stored.answeredAt === undefined ? 0 : (endedAt - since) / 1000,
    endedBy: 'server',
    reason: SERVER_LOST,
    cause: q850Cause({
      answered: stored.answeredAt !== undefined,
      endedBy: 'server',
      status: 500,
      reason: SERVER_LOST,
    }),
  };
}

function asStored(stored: z.infer<typeof storedSchema>): CallDetailRecord {
  return stored as unknown as CallDetailRecord;
}
