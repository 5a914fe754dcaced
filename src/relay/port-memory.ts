/** What arrived last on a port whose session has ended: that party may not have heard of the end. */
import type { AddressFamily } from '../wire/ip-address.ts';

/** Far longer than ports rest, which ends early when no other is left. */
const REMEMBERED_MS = 60_000;

interface Visit {
  readonly ssrc: number;
  readonly at: number;
}

/** One entry a port pair that was ever used, so as large as the port range at most. */
export class PortMemory {
  readonly #visits: Readonly<Record<AddressFamily, Map<number, Visit>>> = { 4: new Map(), 6: new Map() };

  /** `port`: the even one of the pair; `ssrc`: undefined when nothing was heard. */
  leave(now: number, family: AddressFamily, port: number, ssrc: number | undefined): void {
    if (ssrc === undefined) {
      this.#visits[family].delete(port);
    } else {
      this.#visits[family].set(port, { ssrc, at: now });
    }
  }

  /** The SSRC that the last party on this port may still be sending. */
  recall(now: number, family: AddressFamily, port: number): number | undefined {
    const visit = this.#visits[family].get(port);
    return visit !== undefined && now - visit.at < REMEMBERED_MS ? visit.ssrc : undefined;
  }
}
