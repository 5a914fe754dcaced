/** Who wants the packets of a leg: its recording, the report of its keys, the sessions that are fed with it. */
import type { Component, SessionId, Side } from '../relay/plane.ts';
import type { TransportAddress } from '../wire/ip-address.ts';

/** The bytes are only valid during the call. */
export type LegListener = (component: Component, packet: Uint8Array, source: TransportAddress) => void;

export class LegTaps {
  readonly #setTap: (session: SessionId, side: Side, on: boolean) => void;
  /** Never an empty map. */
  readonly #legs = new Map<string, Map<string, LegListener>>();

  /** `setTap` switches the plane's copies of a leg. */
  constructor(setTap: (session: SessionId, side: Side, on: boolean) => void) {
    this.#setTap = setTap;
  }

  /** Takes the place of a listener of the same name. */
  add(session: SessionId, side: Side, name: string, listener: LegListener): void {
    const key = legKey(session, side);
    const listeners = this.#legs.get(key);
    if (listeners !== undefined) {
      listeners.set(name, listener);
    } else {
      this.#legs.set(key, new Map([[name, listener]]));
      this.#setTap(session, side, true);
    }
  }

  remove(session: SessionId, side: Side, name: string): void {
    const key = legKey(session, side);
    const listeners = this.#legs.get(key);
    if (listeners?.delete(name) === true && listeners.size === 0) {
      this.#legs.delete(key);
      this.#setTap(session, side, false);
    }
  }

  /** The plane has forgotten the session. */
  end(session: SessionId): void {
    this.#legs.delete(legKey(session, 0));
    this.#legs.delete(legKey(session, 1));
  }

  packet(session: SessionId, side: Side, component: Component, packet: Uint8Array, source: TransportAddress): void {
    const listeners = this.#legs.get(legKey(session, side));
    if (listeners !== undefined) {
      for (const listener of listeners.values()) {
        listener(component, packet, source);
      }
    }
  }
}

function legKey(session: SessionId, side: Side): string {
  return `${session}/${side}`;
}
