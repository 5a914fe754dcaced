/** Looks at the media of every session, tells what has changed, and answers those who ask. */
import type { LogFields } from '../../observe/log.ts';
import { isProbeCallId } from '../../rtpp/probe-call-id.ts';
import { reportedAddress } from '../local-addresses.ts';
import { LogLimit } from '../log-limit.ts';
import { CALLEE_SIDE, CALLER_SIDE, type LegReport, type Side } from '../plane.ts';
import type { Session } from '../session.ts';
import type { RelayState } from '../state.ts';
import type { LegView, SessionView } from './media-truth.ts';
import { isAlarm, levelOf, type MediaEvent, type StreamReport } from './report.ts';

/** When a network fails every call has something to tell: lines at once, and then one each so many ms. */
const BURST = 50;
const EVERY_MS = 1000;

export class MediaWatch {
  readonly #state: RelayState;
  readonly #limit = new LogLimit(BURST, EVERY_MS);

  constructor(state: RelayState) {
    this.#state = state;
  }

  /** Once a second for each session. @param meters of both legs, as they are now */
  look(now: number, session: Session, meters: readonly [LegReport, LegReport]): void {
    if (isProbeCallId(session.callId)) {
      return;
    }
    for (const event of session.truth.look(now, this.#view(session, meters))) {
      this.#tell(now, event);
    }
  }

  /** For the line about the end of a session. */
  last(now: number, session: Session): LogFields {
    if (!session.complete || isProbeCallId(session.callId)) {
      return {};
    }
    const { caller, callee } = this.report(now, session);
    return {
      codec: [caller.codec, callee.codec],
      lossPercent: [caller.lossPercent, callee.lossPercent],
      jitterMs: [caller.jitterMs, callee.jitterMs],
      mos: [caller.mos, callee.mos],
      verdict: [caller.verdict, callee.verdict],
    };
  }

  report(now: number, session: Session): StreamReport {
    const meters = [this.#state.meterOf(session, 0), this.#state.meterOf(session, 1)] as const;
    return session.truth.report(now, this.#view(session, meters));
  }

  /** Those with an alarm first, then the worst; the youngest of equals. */
  reports(now: number, limit: number): StreamReport[] {
    const reports: StreamReport[] = [];
    for (const session of this.#state.sessions.values()) {
      if (!isProbeCallId(session.callId)) {
        reports.push(this.report(now, session));
      }
    }
    return reports.sort((one, other) => badness(other) - badness(one) || one.ageMs - other.ageMs).slice(0, limit);
  }

  #tell(now: number, event: MediaEvent): void {
    const suppressed = this.#limit.allow(now);
    if (suppressed === undefined) {
      return;
    }
    const { callId, party, verdict, words, local, remote, sure } = event;
    const fields = { callId, side: party, verdict, local, remote, reason: words };
    this.#state.log[levelOf(verdict, sure)](fields, 'media of a call has changed');
    this.#state.emit({ kind: 'media-event', event });
  }

  #view(session: Session, meters: readonly [LegReport, LegReport]): SessionView {
    const { callId, fromTag, toTag, createdAt, complete, onHold, fedBy, stage } = session;
    const legs = [legView(session, CALLEE_SIDE, meters), legView(session, CALLER_SIDE, meters)] as const;
    const { answeredAgainAt, offeredAgainAt } = session;
    const fed = fedBy !== undefined;
    return { callId, fromTag, toTag, createdAt, complete, onHold, fed, stage, answeredAgainAt, offeredAgainAt, legs };
  }
}

/** Side 0 faces the callee: what arrives there is what the callee says. */
function legView(session: Session, side: Side, meters: readonly [LegReport, LegReport]): LegView {
  const { local, port, peer, player } = session.legs[side];
  const { counters, remote, flow } = meters[side];
  return {
    counters,
    local: port === undefined ? undefined : { address: reportedAddress(local) ?? local.address, port },
    remote,
    way: flow,
    signalled: peer,
    playing: player !== undefined,
  };
}

function badness({ caller, callee }: StreamReport): number {
  const alarms = Number(isAlarm(caller.verdict)) + Number(isAlarm(callee.verdict));
  return alarms * 10 + 4.5 - Math.min(caller.mosNow ?? 4.5, callee.mosNow ?? 4.5);
}
