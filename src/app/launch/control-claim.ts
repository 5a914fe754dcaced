/**
 * The relay's control port, held for the whole run. Each relay inherits it, so a command that arrives while there is
 * none waits in the kernel's buffer, and the next relay answers it; a client that has given up by then ignores that
 * answer. What can wait is bounded by the receive buffer, which the first relay sets for all.
 */
import { describeOwner, portOwner } from '../../io/port-owner.ts';
import { type BoundUdpSocket, bindUdpSocket } from '../../linux/bound-udp-socket.ts';
import type { ClaimOutcome } from '../../supervisor/events.ts';
import type { TransportAddress } from '../../wire/ip-address.ts';

export class ControlClaim {
  #socket: BoundUdpSocket | undefined;

  /** The descriptor that a relay inherits; undefined: it binds the port itself. */
  get fd(): number | undefined {
    return this.#socket?.fd;
  }

  take(control: TransportAddress): { readonly outcome: ClaimOutcome; readonly detail: string } {
    if (this.#socket !== undefined) {
      return { outcome: 'held', detail: '' };
    }
    const bound = bindUdpSocket(control);
    switch (bound.kind) {
      case 'bound':
        this.#socket = bound.socket;
        return { outcome: 'held', detail: '' };
      case 'in-use':
        return { outcome: 'taken', detail: describeOwner(portOwner('udp', control.port, control.address)) };
      case 'unavailable':
        return { outcome: 'unavailable', detail: bound.reason };
    }
  }

  /** Idempotent. A relay that lives on keeps the port. */
  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
