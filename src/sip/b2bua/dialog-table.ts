import type { Dialog } from '../dialog/dialog.ts';
import type { Replaces } from '../message/headers/replaces.ts';
import { to as toField } from '../message/headers/to.ts';
import type { SipRequest } from '../message/message.ts';
import type { Branch } from './branch.ts';
import { otherSide, type Side } from './media-relay.ts';

/** One leg of a call: who a request in its dialog is for. */
export interface Leg {
  readonly branch: Branch;
  readonly side: Side;
}

/** The dialogs of all calls, by Call-ID and our tag (which we made, so it is enough to find the dialog). */
export class DialogTable {
  readonly #legs = new Map<string, Leg>();

  get size(): number {
    return this.#legs.size;
  }

  add({ callId, localTag }: Dialog, leg: Leg): void {
    this.#legs.set(keyOf(callId, localTag), leg);
  }

  remove({ callId, localTag }: Dialog): void {
    this.#legs.delete(keyOf(callId, localTag));
  }

  /** The leg whose Call-ID and To tag the request has. */
  find(request: SipRequest): Leg | undefined {
    const tag = request.headers.read(toField)?.parameters.get('tag');
    const callId = request.headers.get('Call-ID');
    return tag === undefined || callId === undefined ? undefined : this.#legs.get(keyOf(callId, tag));
  }

  /**
   * An attended transfer (RFC 5589 7.3): the transferor names its dialog with us, as its peer would; that peer knows
   * another one, on the other leg. The tag of a peer of RFC 2543, which has none, is 0 (RFC 3891 3). Dialogs that are
   * not ours come back as they are.
   */
  acrossCall(replaces: Replaces): Replaces {
    const found = this.#legs.get(keyOf(replaces.callId, replaces.toTag));
    if (found === undefined || (found.branch.dialogs[found.side].remoteTag ?? '0') !== replaces.fromTag) {
      return replaces;
    }
    const { callId, remoteTag, localTag } = found.branch.dialogs[otherSide(found.side)];
    return { ...replaces, callId, toTag: remoteTag ?? '0', fromTag: localTag };
  }
}

/** Neither part holds a line break. */
function keyOf(callId: string, localTag: string): string {
  return `${callId}\n${localTag}`;
}
