/** The last SIP messages, as they came and went: what is wanted once something has gone wrong. */
import { callId as callIdField } from '../../sip/message/headers/call-id.ts';
import { maskSecrets } from '../../sip/message/mask.ts';
import { parseMessage } from '../../sip/message/parse.ts';
import type { TracedMessage } from '../../sip/message/traced-message.ts';
import type { Flow } from '../../sip/transaction/flow.ts';
import { formatTransportAddress } from '../../wire/ip-address.ts';

/** Bytes kept at most, however few messages they are. */
const MAX_BYTES = 8 << 20;

/** What an answer holds at most; the newest messages are told. */
const MAX_ANSWER_CHARACTERS = 1 << 20;

interface Kept {
  readonly at: number;
  readonly sent: boolean;
  readonly bytes: Uint8Array;
  readonly flow: Flow;
}

export class MessageRing {
  readonly #capacity: number;
  readonly #kept: Kept[] = [];
  #bytes = 0;
  /** Call-ID of a leg, or id of a record → Call-ID of its caller's leg; the oldest first. */
  readonly #calls = new Map<string, string>();

  /** @param capacity messages; 0: none is kept */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Costs a copy: what it means is found out when somebody asks. */
  note(at: number, sent: boolean, bytes: Uint8Array, flow: Flow): void {
    if (this.#capacity === 0) {
      return;
    }
    this.#kept.push({ at, sent, bytes: new Uint8Array(bytes), flow });
    this.#bytes += bytes.length;
    while (this.#kept.length > this.#capacity || this.#bytes > MAX_BYTES) {
      this.#bytes -= this.#kept.shift()?.bytes.length ?? 0;
    }
  }

  /** These names are all of the call that its caller calls `callId`. */
  join(callId: string, names: readonly string[]): void {
    for (const name of names) {
      this.#calls.delete(name);
      this.#calls.set(name, callId);
    }
    for (const oldest of this.#calls.keys()) {
      if (this.#calls.size <= this.#capacity) {
        break;
      }
      this.#calls.delete(oldest);
    }
  }

  /** The oldest first. @param wanted a Call-ID of either leg, or the id of a record; undefined: all */
  messages(wanted?: string): TracedMessage[] {
    const call = wanted === undefined ? undefined : (this.#calls.get(wanted) ?? wanted);
    const found: TracedMessage[] = [];
    let characters = 0;
    for (let index = this.#kept.length - 1; index >= 0 && characters < MAX_ANSWER_CHARACTERS; index -= 1) {
      const message = this.#tell(this.#kept[index] as Kept);
      if (message !== undefined && (call === undefined || message.call === call)) {
        found.push(message);
        characters += message.text.length;
      }
    }
    return found.reverse();
  }

  #tell({ at, sent, bytes, flow }: Kept): TracedMessage | undefined {
    const message = parseMessage(bytes);
    if (!message.ok) {
      return undefined;
    }
    const callId = message.value.headers.read(callIdField) ?? '';
    return {
      at,
      direction: sent ? 'sent' : 'received',
      transport: flow.transport,
      local: formatTransportAddress(flow.local),
      remote: formatTransportAddress(flow.remote),
      callId,
      call: this.#calls.get(callId) ?? callId,
      text: maskSecrets(Buffer.from(bytes).toString()),
    };
  }
}
