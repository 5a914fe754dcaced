/** Who sees every SIP message beside the engines: the memory for `ims-launch trace`, and the operator's capture server. */
import type { Config } from '../../config/schema.ts';
import { HepMirror } from '../../io/sip/hep-mirror.ts';
import { MessageRing } from '../../io/sip/message-ring.ts';
import { isOptionsPing } from '../../io/sip/options-ping.ts';
import type { SipCaptureAnswer, SipCaptureQuestion } from '../../observe/ipc.ts';
import type { Log } from '../../observe/log.ts';
import type { CallEvent } from '../../sip/b2bua/call-record.ts';
import type { TracedMessage } from '../../sip/message/traced-message.ts';
import type { Flow } from '../../sip/transaction/flow.ts';
import { parseEndpoint } from '../../wire/ip-address.ts';
import { relayCallIdOf } from './rtpp-media-relay.ts';

export class SipWitness {
  readonly #ring: MessageRing;
  readonly #mirror: HepMirror | undefined;

  constructor({ traceMessages, hepTarget, hepCaptureId, hepPassword }: Config['ims'], log: Log) {
    this.#ring = new MessageRing(traceMessages);
    const target = hepTarget === null ? undefined : parseEndpoint(hepTarget);
    if (target !== undefined) {
      this.#mirror = new HepMirror({ target, captureId: hepCaptureId, password: hepPassword, log });
    }
  }

  readonly see = (sent: boolean, bytes: Uint8Array, flow: Flow): void => {
    const at = Date.now();
    if (!isOptionsPing(bytes, flow)) {
      // Those of a quiet night would be all that is remembered in the morning.
      this.#ring.note(at, sent, bytes, flow);
    }
    this.#mirror?.tell(at, sent, bytes, flow);
  };

  /** Both legs of a call, and its record, are told together. */
  join({ record: { id, callId, branchCallIds } }: CallEvent): void {
    this.#ring.join(callId, [id, ...branchCallIds]);
  }

  messages(call: string | undefined): TracedMessage[] {
    return this.#ring.messages(call);
  }

  /**
   * The SIP of a call, or of all, from where the last answer left off.
   * @param up Call-IDs of the callers' legs of calls that are up: of all calls, only those are told from their beginning
   */
  capture({ call: wanted, after }: SipCaptureQuestion, up: ReadonlySet<string>): SipCaptureAnswer {
    const call = wanted === undefined ? undefined : this.#ring.callOf(wanted);
    const at = Date.now();
    const { messages, next, more, dropped } = this.#ring.since(after ?? 0, (message) =>
      call === undefined ? after !== undefined || up.has(message.call) : message.call === call,
    );
    return {
      at: more ? (messages.at(-1)?.at ?? at) : at,
      messages,
      next,
      more,
      dropped: after === undefined ? 0 : dropped,
      relayCallId: call === undefined ? null : relayCallIdOf(call),
      up: call === undefined ? up.size : Number(up.has(call)),
    };
  }

  /** Idempotent. */
  close(): void {
    this.#mirror?.close();
  }
}
