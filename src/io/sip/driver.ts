/** Turns the effects of the SIP engines into calls, the sockets' facts into events, and arms ONE timer for all. */
import type { Log } from '../../observe/log.ts';
import { callId } from '../../sip/message/headers/call-id.ts';
import type { SipMessage } from '../../sip/message/message.ts';
import { parseMessage } from '../../sip/message/parse.ts';
import type { SendEffect, TransactionEffect, TransactionEvent } from '../../sip/transaction/effects.ts';
import type { Flow } from '../../sip/transaction/flow.ts';
import type { TransactionLayer } from '../../sip/transaction/layer.ts';
import { formatTransportAddress } from '../../wire/ip-address.ts';
import { DeadlineTimer } from '../deadline-timer.ts';
import type { SipTransport } from './transport.ts';

/**
 * The transaction user (RFC 3261 17): an engine that calls the layer's verbs and returns the layer's effects among its
 * own, in the order in which they are to be done. Its own effects have kinds that the layer does not use.
 */
export interface TransactionUser<Effect extends { readonly kind: string }> {
  handleTransaction(now: number, event: TransactionEvent): readonly (TransactionEffect | Effect)[];
  handleTimeout(now: number): readonly (TransactionEffect | Effect)[];
  /** The connection of that flow has ended; its transactions have been told. */
  handleFlowClosed(now: number, flow: Flow): readonly (TransactionEffect | Effect)[];
  /** Infinity: never. */
  nextTimeoutAt(): number;
}

export interface SipDriverOptions<Effect extends { readonly kind: string }> {
  readonly layer: TransactionLayer;
  readonly user: TransactionUser<Effect>;
  /** One for each bound address; a send goes out by the one whose local address the flow names. */
  readonly transports: readonly SipTransport[];
  /** Does one of the user's own effects. What comes of it later enters by `run`. */
  readonly perform: (effect: Effect) => void;
  readonly log?: Log;
  /** Sees every message that was understood, and every one that is sent. The bytes are only valid during the call. */
  readonly tap?: (sent: boolean, bytes: Uint8Array, flow: Flow) => void;
}

export class SipDriver<Effect extends { readonly kind: string }> {
  readonly #layer: TransactionLayer;
  readonly #user: TransactionUser<Effect>;
  readonly #transports: readonly SipTransport[];
  readonly #perform: (effect: Effect) => void;
  readonly #log: Log | undefined;
  readonly #tap: SipDriverOptions<Effect>['tap'];
  #queue: (TransactionEffect | Effect)[] = [];
  /** Where in the queue the next effect to be done stands. */
  #next = 0;
  readonly #timer = new DeadlineTimer(() => this.run(() => []));
  #draining = false;
  #closed = false;

  constructor(options: SipDriverOptions<Effect>) {
    this.#layer = options.layer;
    this.#user = options.user;
    this.#transports = options.transports;
    this.#perform = options.perform;
    this.#log = options.log;
    this.#tap = options.tap;
    for (const transport of options.transports) {
      transport.onMessage = (message, flow, bytes) => {
        this.#trace(message, flow, 'message received');
        this.#tap?.(false, bytes, flow);
        this.run((now) => this.#layer.handleMessage(now, message, flow));
      };
      transport.onFlowClosed = (flow, reason) => {
        this.run((now) => [
          ...this.#layer.handleTransportError(now, flow, reason),
          ...options.user.handleFlowClosed(now, flow),
        ]);
      };
    }
  }

  /**
   * Tells the engines a fact, or makes a wish, and does what follows: `driver.run((now) => engine.handleReply(now, reply))`.
   * Effects of a call from within an effect are done after those that wait already.
   */
  run(step: (now: number) => readonly (TransactionEffect | Effect)[]): void {
    if (this.#closed) {
      return;
    }
    this.#append(step(performance.now()));
    if (this.#draining) {
      return;
    }
    this.#draining = true;
    try {
      this.#drain();
      // What is due at once (a 100 that nobody forestalled) need not wait for the timer.
      this.#fireDue();
      this.#drain();
    } finally {
      this.#draining = false;
    }
    if (!this.#closed) {
      this.#timer.arm(Math.min(this.#layer.nextTimeoutAt(), this.#user.nextTimeoutAt()));
    }
  }

  /** Stops the timer and no longer listens. The transports stay open: whoever opened them closes them. */
  close(): void {
    this.#closed = true;
    this.#timer.arm(Number.POSITIVE_INFINITY);
    for (const transport of this.#transports) {
      transport.onMessage = undefined;
      transport.onFlowClosed = undefined;
    }
  }

  #drain(): void {
    for (let effect = this.#queue[this.#next]; effect !== undefined; effect = this.#queue[this.#next]) {
      this.#next++;
      if (effect.kind === 'send') {
        this.#send(effect as SendEffect);
      } else if (isTransactionEvent(effect)) {
        this.#append(this.#user.handleTransaction(performance.now(), effect));
      } else {
        this.#perform(effect as Effect);
      }
    }
    this.#queue = [];
    this.#next = 0;
  }

  /** One by one: after a stall there may be more effects than a call can have arguments. */
  #append(effects: readonly (TransactionEffect | Effect)[]): void {
    for (const effect of effects) {
      this.#queue.push(effect);
    }
  }

  #send(effect: SendEffect): void {
    const { bytes, flow, key } = effect;
    this.#traceSent(bytes, flow);
    this.#tap?.(true, bytes, flow);
    const failed = (reason: string) => {
      this.#log?.debug({ remote: formatTransportAddress(flow.remote), reason }, 'message could not be sent');
      if (key !== undefined) {
        this.run((now) => this.#layer.handleTransportError(now, flow, reason, key));
      }
    };
    const transport = this.#transports.find(
      ({ kind, local }) =>
        kind === flow.transport && local.port === flow.local.port && local.address === flow.local.address,
    );
    if (transport === undefined) {
      queueMicrotask(() => failed('no such local address'));
    } else {
      transport.send(bytes, flow, failed);
    }
  }

  #fireDue(): void {
    const now = performance.now();
    if (this.#layer.nextTimeoutAt() <= now) {
      this.#append(this.#layer.handleTimeout(now));
    }
    if (this.#user.nextTimeoutAt() <= now) {
      this.#append(this.#user.handleTimeout(now));
    }
  }

  #traceSent(bytes: Uint8Array, flow: Flow): void {
    if (this.#log?.isLevelEnabled('debug')) {
      const message = parseMessage(bytes);
      if (message.ok) {
        this.#trace(message.value, flow, 'message sent');
      }
    }
  }

  #trace(message: SipMessage, flow: Flow, sentence: 'message received' | 'message sent'): void {
    if (this.#log?.isLevelEnabled('debug')) {
      const what = message.kind === 'request' ? { method: message.method } : { status: message.status };
      const remote = formatTransportAddress(flow.remote);
      this.#log.debug({ ...what, callId: message.headers.read(callId), remote }, sentence);
    }
  }
}

const EVENT_KINDS: ReadonlySet<string> = new Set<TransactionEvent['kind']>([
  'request',
  'ack',
  'cancel',
  'response',
  'timeout',
  'transport-error',
  'ack-timeout',
  'terminated',
]);

function isTransactionEvent(effect: { readonly kind: string }): effect is TransactionEvent {
  return EVENT_KINDS.has(effect.kind);
}
