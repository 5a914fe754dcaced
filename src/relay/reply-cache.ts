/**
 * Replies to datagrams by cookie: a command whose reply was lost comes again and must not be executed twice. The
 * key has the sender's host as well, so that two hosts with the same cookie do not get each other's replies; its
 * port is left out, for a client may retransmit from a new socket.
 */

import { OldestFirst } from '../wire/oldest-first.ts';

/** How long a reply is kept; clients give up long before. */
const LIFE_MS = 35_000;

/** Bounds for what a flood of commands can occupy. */
const MAX_ENTRIES = 65_536;
const MAX_CHARACTERS = 16 * 1024 * 1024;

interface Entry {
  readonly at: number;
  /** Undefined while the command is being executed. */
  reply: string | undefined;
  size: number;
}

export type CacheAnswer =
  | { readonly kind: 'new' }
  | { readonly kind: 'pending' }
  | { readonly kind: 'reply'; readonly text: string };

export class ReplyCache {
  readonly #entries = new OldestFirst<string, Entry>();
  #characters = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Looks a command up, and enters it as pending when it is new. */
  begin(now: number, host: string, cookie: string): CacheAnswer {
    const key = keyOf(host, cookie);
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.at + LIFE_MS > now) {
      return entry.reply === undefined ? { kind: 'pending' } : { kind: 'reply', text: entry.reply };
    }
    this.#drop(key);
    this.#enter(key, { at: now, reply: undefined, size: key.length });
    return { kind: 'new' };
  }

  finish(host: string, cookie: string, reply: string): void {
    const entry = this.#entries.get(keyOf(host, cookie));
    if (entry !== undefined) {
      entry.reply = reply;
      entry.size += reply.length;
      this.#characters += reply.length;
    }
  }

  /** Forgets what is older than its life. */
  expire(now: number): void {
    for (let oldest = this.#entries.oldest(); oldest !== undefined; oldest = this.#entries.oldest()) {
      const [key, { at }] = oldest;
      if (at + LIFE_MS > now) {
        return;
      }
      this.#drop(key);
    }
  }

  #enter(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#characters += entry.size;
    while (this.#entries.size > MAX_ENTRIES || this.#characters > MAX_CHARACTERS) {
      const [oldest] = this.#entries.oldest() ?? [key];
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    this.#characters -= this.#entries.get(key)?.size ?? 0;
    this.#entries.delete(key);
  }
}

function keyOf(host: string, cookie: string): string {
  return `${host} ${cookie}`;
}
