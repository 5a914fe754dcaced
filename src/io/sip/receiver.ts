/** Bytes of one message from the network: to whoever handles messages, refused, or dropped (RFC 3261 18.2.1, 21.4.1). */
import type { Log } from '../../observe/log.ts';
import { formatMessage } from '../../sip/message/format.ts';
import type { SipRequest } from '../../sip/message/message.ts';
import { parseMessage } from '../../sip/message/parse.ts';
import { createResponse } from '../../sip/message/response.ts';
import type { Flow } from '../../sip/transaction/flow.ts';
import type { IdSource } from '../../sip/transaction/ids.ts';
import { responseFlow, stampTopVia } from '../../sip/transaction/via-routing.ts';
import { formatTransportAddress } from '../../wire/ip-address.ts';
import type { SipTransport, SipTransportCounters } from './transport.ts';

export interface SipReceiverOptions {
  readonly transport: Pick<SipTransport, 'onMessage' | 'send'>;
  readonly counters: SipTransportCounters;
  readonly ids: IdSource;
  readonly log: Log | undefined;
}

export class SipReceiver {
  readonly #options: SipReceiverOptions;

  constructor(options: SipReceiverOptions) {
    this.#options = options;
  }

  receive(bytes: Uint8Array, flow: Flow): void {
    const { transport, counters, log } = this.#options;
    const result = parseMessage(bytes);
    if (result.ok) {
      transport.onMessage?.(result.value, flow, bytes);
      return;
    }
    const { code, refusal } = result.error;
    if (refusal !== undefined) {
      this.#refuse(refusal.request, refusal.status, code, flow);
    } else {
      counters.dropped++;
      log?.debug(
        { remote: formatTransportAddress(flow.remote), reason: code },
        'bytes that are no SIP message dropped',
      );
    }
  }

  /** A message that ends its stream: it is answered, if it can be, because of what `code` says. */
  refuseUnframed(head: Uint8Array | undefined, code: string, flow: Flow): void {
    const result = head === undefined ? undefined : parseMessage(head);
    const request = result?.ok ? result.value : result?.error.refusal?.request;
    if (request?.kind === 'request' && request.method !== 'ACK') {
      this.#refuse(request, 400, code, flow);
    } else {
      this.#options.counters.dropped++;
    }
  }

  /** Answers without state: a repetition is answered again. */
  #refuse(request: SipRequest, status: number, code: string, flow: Flow): void {
    const { transport, counters, ids, log } = this.#options;
    counters.refused++;
    stampTopVia(request.headers, flow);
    const reason = status === 400 ? `Bad Request (${code})` : undefined;
    const response = createResponse(request, status, { toTag: ids.tag(), ...(reason && { reason }) });
    const back = responseFlow(request.headers, flow);
    log?.debug({ remote: formatTransportAddress(flow.remote), status, reason: code }, 'malformed request refused');
    transport.send(formatMessage(response), back, () => undefined);
  }
}
