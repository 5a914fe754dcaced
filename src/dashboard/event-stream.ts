/** Server-sent events: what has happened and what happens, to many who may be slow. */
import type { ServerResponse } from 'node:http';
import type { Feed, Numbered } from './subject.ts';

/** More clients are refused. */
export const MAX_STREAMS = 128;

/** Of a reader that does not read: bytes that wait for it before it is let go. It comes again by itself, and misses nothing that is kept. */
const MAX_WAITING_BYTES = 512 * 1024;

/** Of each feed, to one who has seen nothing yet. */
const TOLD_AT_FIRST = 200;

/** A comment line so often keeps proxies from closing the stream, and finds out who is gone; milliseconds. */
const HEARTBEAT_MS = 15_000;

export class EventStreams {
  readonly #open = new Set<ServerResponse>();
  readonly #ends = new Map<ServerResponse, () => void>();
  #heartbeat: NodeJS.Timeout | undefined;

  get isFull(): boolean {
    return this.#open.size >= MAX_STREAMS;
  }

  /**
   * Tells the last of what is kept and newer than `after`, then what comes.
   * @param feeds by the name that the browser listens for
   * @param after the number of the last event that this client has seen, of each feed
   */
  open(
    response: ServerResponse,
    feeds: Readonly<Record<string, Feed<Numbered>>>,
    after: Readonly<Record<string, number>>,
  ): void {
    response.write('retry: 2000\n\n');
    const ends: (() => void)[] = [];
    const last: Record<string, number> = { ...after };
    const tell = (name: string, item: Numbered): void => {
      last[name] = item.seq;
      // The id holds the place in every feed, so that a client that comes again is told only what it has missed.
      this.#write(response, `event: ${name}\nid: ${formatPlaces(last)}\ndata: ${JSON.stringify(item)}\n\n`);
    };
    this.#open.add(response);
    this.#ends.set(response, () => ends.forEach((end) => void end()));
    response.on('close', () => this.#forget(response));
    for (const [name, feed] of Object.entries(feeds)) {
      for (const item of feed.recent().slice(-TOLD_AT_FIRST)) {
        if (item.seq > (after[name] ?? 0)) {
          tell(name, item);
        }
      }
      ends.push(feed.follow((item) => tell(name, item)));
    }
    this.#heartbeat ??= setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
  }

  close(): void {
    clearInterval(this.#heartbeat);
    for (const response of [...this.#open]) {
      this.#forget(response);
      response.destroy();
    }
  }

  #beat(): void {
    for (const response of this.#open) {
      this.#write(response, ':\n\n');
    }
  }

  #write(response: ServerResponse, text: string): void {
    if (response.writableLength > MAX_WAITING_BYTES) {
      this.#forget(response);
      response.destroy();
    } else if (!response.destroyed) {
      response.write(text);
    }
  }

  #forget(response: ServerResponse): void {
    this.#open.delete(response);
    this.#ends.get(response)?.();
    this.#ends.delete(response);
    if (this.#open.size === 0) {
      clearInterval(this.#heartbeat);
      this.#heartbeat = undefined;
    }
  }
}

/** `event=12,line=7`: what a browser sends back as Last-Event-ID. */
export function formatPlaces(places: Readonly<Record<string, number>>): string {
  return Object.entries(places)
    .map(([name, seq]) => `${name}=${seq}`)
    .join(',');
}

/** Anything else than places is none. */
export function parsePlaces(text: string | undefined): Record<string, number> {
  const places: Record<string, number> = {};
  for (const [, name = '', seq = ''] of (text ?? '').slice(0, 256).matchAll(/([a-z]{1,16})=([0-9]{1,15})/g)) {
    places[name] = Number(seq);
  }
  return places;
}
