/** The last SIP messages, as they came and went: what is wanted once something has gone wrong. */
import { callId as callIdField } from '../../sip/message/headers/call-id.ts';
import { maskSecrets } from '../../sip/message/mask.ts';
import { parseMessage } from '../../sip/message/parse.ts';
import type { TracedMessage } from '../../sip/message/traced-message.ts';
import type { Flow } from '../../sip/transaction/flow.ts';
import { formatTransportAddress, isWildcard } from '../../wire/ip-address.ts';
import { OldestFirst } from '../../wire/oldest-first.ts';

/** Room for each message of the capacity, on average; where they are longer, fewer are kept. */
const BYTES_A_MESSAGE = 1024;

/** Room at least: several of the longest messages that UDP brings. */
const MIN_BYTES = 256 << 10;

/** Room at most. */
const MAX_BYTES = 8 << 20;

/** What an answer holds at most, as JSON: no more waits for a reader of the control socket. */
const MAX_ANSWER_CHARACTERS = 768 << 10;

/** The same of one that shares its line with media. */
const MAX_SINCE_CHARACTERS = 384 << 10;

interface Kept {
  /** From 1. */
  readonly number: number;
  readonly at: number;
  readonly sent: boolean;
  readonly flow: Flow;
  /** Where its bytes lie in the store. */
  readonly from: number;
  readonly length: number;
}

export interface MessagesSince {
  readonly messages: TracedMessage[];
  /** Number of the last one that was looked at. */
  readonly next: number;
  /** The answer is full. */
  readonly more: boolean;
  /** Forgotten meanwhile. */
  readonly dropped: number;
}

export class MessageRing {
  readonly #capacity: number;
  readonly #room: number;
  readonly #kept: Kept[] = [];
  /** One piece, written round and round: a buffer a message would cost more than its bytes. */
  #store: Uint8Array | undefined;
  /** Where the next message goes. */
  #end = 0;
  #lastNumber = 0;
  /** Call-ID of a leg, or id of a record → Call-ID of its caller's leg; the oldest first. */
  readonly #calls = new OldestFirst<string, string>();

  /** @param capacity messages; 0: none is kept */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#room = Math.min(MAX_BYTES, Math.max(MIN_BYTES, capacity * BYTES_A_MESSAGE));
  }

  /** Costs a copy: what it means is found out when somebody asks. */
  note(at: number, sent: boolean, bytes: Uint8Array, flow: Flow): void {
    const { length } = bytes;
    if (this.#capacity === 0 || length > this.#room) {
      return;
    }
    this.#store ??= new Uint8Array(this.#room);
    const from = this.#end + length <= this.#room ? this.#end : 0;
    this.#makeRoom(from, from + length);
    this.#store.set(bytes, from);
    this.#end = from + length;
    this.#lastNumber += 1;
    this.#kept.push({ number: this.#lastNumber, at, sent, flow, from, length });
  }

  /** The oldest go, until there is a message less than the capacity and none lies where the next one is to lie. */
  #makeRoom(from: number, to: number): void {
    for (let oldest = this.#kept[0]; oldest !== undefined; oldest = this.#kept[0]) {
      const isInTheWay = oldest.from < to && from < oldest.from + oldest.length;
      const isBehindTheEnd = from < this.#end && oldest.from >= this.#end;
      if (this.#kept.length < this.#capacity && !isInTheWay && !isBehindTheEnd) {
        return;
      }
      this.#kept.shift();
    }
  }

  /** These names are all of the call that its caller calls `callId`. */
  join(callId: string, names: readonly string[]): void {
    for (const name of names) {
      this.#calls.set(name, callId);
    }
    this.#calls.shrinkTo(this.#capacity);
  }

  /** Call-ID of the caller's leg. @param name a Call-ID of either leg, the relay's of any branch, or the id of a record */
  callOf(name: string): string {
    return this.#calls.get(name) ?? this.#calls.get(recordOf(name)) ?? name;
  }

  /** The newest, the oldest of them first. @param wanted as for `callOf`; undefined: all */
  messages(wanted?: string): TracedMessage[] {
    const call = wanted === undefined ? undefined : this.callOf(wanted);
    const found: TracedMessage[] = [];
    let room = MAX_ANSWER_CHARACTERS;
    for (let index = this.#kept.length - 1; index >= 0; index -= 1) {
      const message = this.#tell(this.#kept[index] as Kept);
      if (message !== undefined && (call === undefined || message.call === call)) {
        room -= charactersOf(message);
        if (room < 0 && found.length > 0) {
          break;
        }
        found.push(message);
      }
    }
    return found.reverse();
  }

  /** Those behind `after` that are wanted, the oldest first, and how to go on. */
  since(after: number, isWanted: (message: TracedMessage) => boolean): MessagesSince {
    const messages: TracedMessage[] = [];
    const oldest = this.#kept[0]?.number ?? this.#lastNumber + 1;
    const dropped = Math.max(0, oldest - 1 - after);
    let next = Math.max(after, oldest - 1);
    let room = MAX_SINCE_CHARACTERS;
    for (const kept of this.#kept.slice(next + 1 - oldest)) {
      const message = this.#tell(kept);
      if (message !== undefined && isWanted(message)) {
        room -= charactersOf(message);
        if (room < 0 && messages.length > 0) {
          return { messages, next, more: true, dropped };
        }
        messages.push(message);
      }
      next = kept.number;
    }
    return { messages, next, more: false, dropped };
  }

  #tell({ at, sent, from, length, flow }: Kept): TracedMessage | undefined {
    const bytes = this.#store?.subarray(from, from + length) ?? new Uint8Array(0);
    const message = parseMessage(bytes);
    if (!message.ok) {
      return undefined;
    }
    const callId = message.value.headers.read(callIdField) ?? '';
    return {
      at,
      direction: sent ? 'sent' : 'received',
      transport: flow.transport,
      // Of a socket on all addresses, the one that this party sends to.
      local: formatTransportAddress(isWildcard(flow.local.address) ? flow.sentBy : flow.local),
      remote: formatTransportAddress(flow.remote),
      callId,
      call: this.#calls.get(callId) ?? callId,
      text: maskSecrets(Buffer.from(bytes).toString()),
    };
  }
}

/** The relay calls a branch of a call by its Call-ID, `~`, the id of its record and, but for the first, `.` and more. */
function recordOf(relayCallId: string): string {
  return relayCallId.slice(relayCallId.lastIndexOf('~') + 1).replace(/\..*$/s, '');
}

/** As JSON, where a control character takes six. */
function charactersOf(message: TracedMessage): number {
  return JSON.stringify(message).length;
}
