import type { SystemStatus } from '../control/status.ts';
import type { BanReport } from '../observe/ipc.ts';
import type { CdrQuery, CdrsFound } from '../store/cdr-search.ts';

/** Something that happened, or a line of a program: what the ring of the launcher keeps. */
export interface Numbered {
  /** Counted from 1. */
  readonly seq: number;
}

export interface Feed<T extends Numbered> {
  /** What is kept, the oldest first. */
  recent(): readonly T[];
  /** Returns what ends it. */
  follow(follower: (item: T) => void): () => void;
}

/** A SIP message that went by. Everything but `at` and `direction` may hold what a stranger has written. */
export interface Rung {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly direction: 'received' | 'sent';
  readonly transport: string;
  /** Whom it came from or went to. */
  readonly remote: string;
  /** `INVITE`, `180 Ringing`. */
  readonly label: string;
  /** Where its SDP wants media; empty: it has none. */
  readonly media: string;
  /** All of it, secrets masked. */
  readonly text: string;
}

/** What came of an order: undefined when it is being carried out, else why it is not. */
export type Refusal = string | undefined;

/** The running system, as the pages and the metrics see it. */
export interface DashboardSubject {
  status(): SystemStatus;
  readonly events: Feed<Numbered>;
  readonly lines: Feed<Numbered>;
  /** Counters of the relay by their wire names (`nsess_created`, …); undefined: it does not tell. Never rejects. */
  relayCounters(names: readonly string[]): Promise<ReadonlyMap<string, number> | undefined>;
  /** Every call with both directions of its media, as `ims-launch calls --json` tells them. @throws Error that completes "the relay …" */
  calls(): Promise<unknown>;
  /** SIP of a call, the oldest message first. @param call as for `ims-launch trace`. @throws Error that completes "the IMS …" */
  ladder(call: string): Promise<readonly Rung[]>;
  /** What `ims-launch check --json` finds. Takes seconds; never rejects but with a sentence. */
  check(): Promise<unknown>;
  /** Who is registered at the built-in IMS. @throws Error that completes "the IMS …" */
  registrations(): Promise<unknown>;
  /** Call records of a day, the newest first. */
  records(query: CdrQuery): Promise<CdrsFound>;
  /** The same as CSV. */
  recordsCsv(query: CdrQuery): Promise<string>;
  /** @throws Error that completes "the IMS …" */
  bans(): Promise<readonly BanReport[]>;
  /** @throws Error that completes "the IMS …" */
  unban(address: string): Promise<unknown>;
  restart(service: 'relay' | 'ims'): Refusal;
}
