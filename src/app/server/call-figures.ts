/**
 * Media of an answered call, for its record: asked of the relay when the call ends, and before its session is deleted
 * there, whichever of the two comes first.
 */
import type { CallEvent } from '../../sip/b2bua/call-record.ts';
import type { RelaySession } from '../../sip/b2bua/media-relay.ts';
import type { CallDetailRecord } from '../../store/call-detail-record.ts';
import type { RtppMediaRelay } from './rtpp-media-relay.ts';

export type Figures = Pick<CallDetailRecord, 'relay' | 'media'>;

interface Answered {
  readonly session: RelaySession;
  /** Positions of the m-lines that have ever gone through the relay. */
  readonly streams: Set<number>;
  asked: Promise<Figures> | undefined;
}

export class CallFigures {
  readonly #relay: Pick<RtppMediaRelay, 'figures'>;
  readonly #byCall = new Map<string, Answered>();
  readonly #bySession = new Map<string, Answered>();
  #pending = 0;

  constructor(relay: Pick<RtppMediaRelay, 'figures'>) {
    this.#relay = relay;
  }

  /** Records that wait for their figures. */
  get pending(): number {
    return this.#pending;
  }

  /** Takes note of what an answered call has at the relay. */
  handle({ record: { id }, snapshot }: CallEvent): void {
    if (snapshot === undefined) {
      return;
    }
    const { session, published } = snapshot.media;
    let call = this.#byCall.get(id);
    if (call === undefined || nameOf(call.session) !== nameOf(session)) {
      if (call !== undefined) {
        // It has moved; what the relay before knew of it is lost.
        this.#bySession.delete(nameOf(call.session));
      }
      call = { session, streams: new Set(), asked: undefined };
      this.#byCall.set(id, call);
      this.#bySession.set(nameOf(session), call);
    }
    for (const publication of [published.caller, published.callee]) {
      for (const { index } of publication?.streams ?? []) {
        call.streams.add(index);
      }
    }
  }

  /**
   * The call has ended: `then` gets what the relay tells, within half a second, or at once where there is nothing to ask
   * for. It is forgotten here then.
   */
  ended(id: string, then: (figures: Figures) => void): void {
    const call = this.#byCall.get(id);
    if (call === undefined) {
      then({});
      return;
    }
    this.#pending++;
    void this.#ask(call).then((figures) => {
      this.#pending--;
      this.#byCall.delete(id);
      this.#bySession.delete(nameOf(call.session));
      then(figures);
    });
  }

  /** Resolves when the relay may forget the session; undefined: at once. */
  beforeDelete(session: RelaySession): Promise<unknown> | undefined {
    const call = this.#bySession.get(nameOf(session));
    return call === undefined ? undefined : this.#ask(call);
  }

  #ask(call: Answered): Promise<Figures> {
    call.asked ??= this.#relay.figures(call.session, [...call.streams]);
    return call.asked;
  }
}

function nameOf({ callId, instance }: RelaySession): string {
  return `${instance} ${callId}`;
}
