import { maxForwards } from '../message/headers/max-forwards.ts';
import type { SipResponse } from '../message/message.ts';
import type { Branch } from './branch.ts';
import type { ClientId } from './effects.ts';
import type { CallHost, ResponseHandler, Timed } from './host.ts';
import type { Side } from './media-relay.ts';

/** How long a conversation may be silent before both parties are asked whether they are still there. */
const PROBE_INTERVAL_MS = 30_000;

const OWN_MAX_FORWARDS = 70;

/**
 * Finds out that a party has died in an answered call whose media cannot show it: a held call, or one without relayed
 * media. Both parties get an OPTIONS within the dialog (RFC 3261 11); silence, 408 or 481 ends the call, any other
 * answer is a sign of life.
 */
export class Liveness implements Timed {
  readonly #branch: Branch;
  readonly #host: CallHost;
  readonly #probes = new Map<Side, ClientId>();

  constructor(branch: Branch, host: CallHost) {
    this.#branch = branch;
    this.#host = host;
  }

  /** The call is answered. */
  start(): void {
    this.#host.setDeadline(this, this.#host.now + PROBE_INTERVAL_MS);
  }

  /** The branch is over. Idempotent. */
  stop(): void {
    this.#host.setDeadline(this, Number.POSITIVE_INFINITY);
    for (const id of this.#probes.values()) {
      this.#host.forget(id);
    }
    this.#probes.clear();
  }

  handleTimeout(): void {
    if (this.#branch.media.isSilent) {
      this.#probe('caller');
      this.#probe('callee');
    }
    this.start();
  }

  #probe(side: Side): void {
    if (this.#probes.has(side)) {
      return;
    }
    const dialog = this.#branch.dialogs[side];
    const request = dialog.createRequest('OPTIONS');
    request.headers.write(maxForwards, OWN_MAX_FORWARDS);
    this.#probes.set(side, this.#host.request(request, dialog.nextHop(), this.#handlerOf(side)));
  }

  #handlerOf(side: Side): ResponseHandler {
    return {
      handleResponse: ({ status }: SipResponse) => {
        if (status >= 200) {
          this.#conclude(side, status !== 408 && status !== 481);
        }
      },
      handleFailure: () => this.#conclude(side, false),
    };
  }

  #conclude(side: Side, isAlive: boolean): void {
    const id = this.#probes.get(side);
    if (id === undefined) {
      return;
    }
    this.#probes.delete(side);
    this.#host.forget(id);
    if (!isAlive) {
      this.#branch.call.end({ by: 'server', reason: `the ${side} no longer answers` });
    }
  }
}
