/** Who sees every SIP message beside the engines: the memory for `ims-launch trace`, and the operator's capture server. */
import type { Config } from '../../config/schema.ts';
import { HepMirror } from '../../io/sip/hep-mirror.ts';
import { MessageRing } from '../../io/sip/message-ring.ts';
import type { Log } from '../../observe/log.ts';
import type { CallEvent } from '../../sip/b2bua/call-record.ts';
import type { TracedMessage } from '../../sip/message/traced-message.ts';
import type { Flow } from '../../sip/transaction/flow.ts';
import { parseEndpoint } from '../../wire/ip-address.ts';

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
    this.#ring.note(at, sent, bytes, flow);
    this.#mirror?.tell(at, sent, bytes, flow);
  };

  /** Both legs of a call, and its record, are told together. */
  join({ record: { id, callId, branchCallIds } }: CallEvent): void {
    this.#ring.join(callId, [id, ...branchCallIds]);
  }

  messages(call: string | undefined): TracedMessage[] {
    return this.#ring.messages(call);
  }

  /** Idempotent. */
  close(): void {
    this.#mirror?.close();
  }
}
