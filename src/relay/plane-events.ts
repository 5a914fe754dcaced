import { assertNever } from '../wire/assert-never.ts';
import { formatTransportAddress } from '../wire/ip-address.ts';
import { LogLimit } from './log-limit.ts';
import { type PlaneEvent, sideName } from './plane.ts';
import type { RelayState } from './state.ts';

/** Tells the operator what a plane has seen of a session. Packets cause these lines, so they are limited. */
export class PlaneEventLog {
  readonly #state: RelayState;
  readonly #socketLog = new LogLimit();
  readonly #contestLog = new LogLimit();

  constructor(state: RelayState) {
    this.#state = state;
  }

  /** What is told of a session that has ended meanwhile is not told. */
  handle(now: number, event: PlaneEvent): void {
    const session = this.#state.sessions.byId(event.session);
    if (session === undefined) {
      return;
    }
    const { log, statistics } = this.#state;
    const fields = { callId: session.callId, side: sideName(event.side), localPort: session.legs[event.side].port };
    switch (event.kind) {
      case 'first-packet':
        log.debug({ remote: formatTransportAddress(event.remote), ...fields }, 'first packet of a party');
        break;
      case 'latched':
        log.debug(
          { stream: event.component, remote: formatTransportAddress(event.remote), ...fields },
          'source of a party learned',
        );
        break;
      case 'contested': {
        statistics.add('nsess_contested');
        const suppressed = this.#contestLog.allow(now);
        if (suppressed !== undefined) {
          const told = { ...fields, remote: formatTransportAddress(event.remote), count: suppressed };
          log.warn(told, 'two sources claim to be this party, and signalling names neither: one may be a stranger');
        }
        break;
      }
      case 'socket-error':
        if (this.#socketLog.allow(now) !== undefined) {
          log.warn({ ...fields, err: event.cause }, 'media socket failed');
        }
        break;
      default:
        assertNever(event);
    }
  }
}
