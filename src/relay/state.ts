import type { Log } from '../observe/log.ts';
import { isProbeCallId } from '../rtpp/probe-call-id.ts';
import { type AddressFamily, formatTransportAddress } from '../wire/ip-address.ts';
import type { MediaEffect, NotifyEffect, TellEffect } from './effects.ts';
import { LocalAddresses, type LocalRoutes } from './local-addresses.ts';
import { LogLimit } from './log-limit.ts';
import { LegCounters } from './media/counters.ts';
import {
  CALLEE_SIDE,
  CALLER_SIDE,
  type LegReport,
  type PairFailure,
  type PlaneMeter,
  type SessionId,
  type Side,
  sideName,
} from './plane.ts';
import type { PlayerId } from './playing/prompt.ts';
import { PortMemory } from './port-memory.ts';
import { PortTable } from './port-table.ts';
import { MediaWatch } from './quality/media-watch.ts';
import type { TapId } from './recording/tap.ts';
import type { EndReason, Session } from './session.ts';
import { SessionTable } from './session-table.ts';
import type { RelaySettings } from './settings.ts';
import { RelayStatistics } from './stats.ts';

/** What the engine is given of the outside. */
export interface RelayEnvironment {
  readonly meter: PlaneMeter;
  readonly routes: LocalRoutes;
  readonly log: Log;
  /** An unpredictable integer from 0 to `below` - 1. */
  readonly random: (below: number) => number;
  readonly canSetTos: boolean;
  /** Whether packets to (or from) this address, or the RTCP port above it, would be commands; see `own-control.ts`. */
  readonly isOwnControl: (address: string, port: number) => boolean;
}

/** Why a leg got no ports. `used-up`: sessions have every pair of the range; nothing was tried. */
export type PortFailure = PairFailure | 'used-up';

const NO_LEG: LegReport = { counters: new LegCounters(), remote: undefined };

/** Everything that commands read and change. The engine owns one; nothing here waits or does I/O. */
export class RelayState {
  readonly settings: RelaySettings;
  readonly addresses: LocalAddresses;
  readonly sessions = new SessionTable();
  readonly statistics = new RelayStatistics();
  readonly portMemory = new PortMemory();
  readonly log: Log;
  readonly meter: PlaneMeter;
  readonly canSetTos: boolean;
  readonly isOwnControl: (address: string, port: number) => boolean;
  /** Limits the lines about sessions beyond the highest number. */
  readonly sessionLog = new LogLimit();
  /** Limits the lines about ports that cannot be opened: one kind of failure does not hide another. */
  readonly portLogs: Readonly<Record<PortFailure, LogLimit>> = {
    'used-up': new LogLimit(),
    'in-use': new LogLimit(),
    'no-privilege': new LogLimit(),
    'not-local': new LogLimit(),
    'no-descriptors': new LogLimit(),
    other: new LogLimit(),
  };
  /** Limits the lines about parties that media must not be sent to. */
  readonly peerLog = new LogLimit();
  /** Limits the lines about notify targets that are not allowed. */
  readonly notifyLog = new LogLimit();
  /** No new sessions. */
  draining = false;
  readonly #ports: Readonly<Record<AddressFamily, PortTable>>;
  readonly media: MediaWatch = new MediaWatch(this);
  #effects: (MediaEffect | NotifyEffect | TellEffect)[] = [];
  #lastId = 0;
  #lastTap = 0;
  #lastPlayer = 0;

  constructor(settings: RelaySettings, environment: RelayEnvironment) {
    const { minPort, maxPort, sequentialPorts: sequential, reservedPorts: reserved } = settings;
    const range = { minPort, maxPort, sequential, reserved };
    this.settings = settings;
    this.addresses = new LocalAddresses(settings.addresses, settings.external, environment.routes);
    this.log = environment.log;
    this.meter = environment.meter;
    this.canSetTos = environment.canSetTos;
    this.isOwnControl = environment.isOwnControl;
    this.#ports = { 4: new PortTable(range, environment.random), 6: new PortTable(range, environment.random) };
  }

  ports(family: AddressFamily): PortTable {
    return this.#ports[family];
  }

  /** Over both families. */
  get pairsInUse(): number {
    return this.#ports[4].pairsInUse + this.#ports[6].pairsInUse;
  }

  nextSessionId(): SessionId {
    this.#lastId += 1;
    return this.#lastId as SessionId;
  }

  emit(effect: MediaEffect | NotifyEffect | TellEffect): void {
    this.#effects.push(effect);
  }

  takeEffects(): (MediaEffect | NotifyEffect | TellEffect)[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** What the plane tells of a leg; of one that it does not have, that nothing came. */
  meterOf(session: Session, side: Side): LegReport {
    return this.meter.leg(session.id, side) ?? NO_LEG;
  }

  counters(session: Session, side: Side): LegCounters {
    return this.meterOf(session, side).counters;
  }

  releasePort(now: number, session: Session, side: Side): void {
    const leg = session.legs[side];
    if (leg.port !== undefined) {
      const { family } = leg.local;
      this.ports(family).release(now, leg.port);
      this.portMemory.leave(now, family, leg.port, this.counters(session, side).analysis.ssrc);
      leg.port = undefined;
    }
  }

  nextPlayerId(): PlayerId {
    this.#lastPlayer += 1;
    return this.#lastPlayer as PlayerId;
  }

  /** Ends what plays to the party of a leg; nothing may. */
  stopPlaying(session: Session, side: Side): void {
    const { player } = session.legs[side];
    if (player !== undefined) {
      session.legs[side].player = undefined;
      this.statistics.add('nplrs_destroyed');
      this.emit({ kind: 'stop-playing', player, session: session.id, side });
    }
  }

  nextTapId(): TapId {
    this.#lastTap += 1;
    return this.#lastTap as TapId;
  }

  /** Ends the recording or copy of a leg. False: there was none. */
  closeTap(now: number, session: Session, side: Side): boolean {
    const { tap } = session.legs[side];
    if (tap === undefined) {
      return false;
    }
    session.legs[side].tap = undefined;
    if (tap.port !== undefined) {
      this.ports(tap.port.family).release(now, tap.port.port);
    }
    this.emit({ kind: 'close-tap', tap: tap.id, session: session.id, side });
    return true;
  }

  /** A tap that could not go on: the call does. */
  loseTap(now: number, id: TapId, cause: string): void {
    for (const session of this.sessions.values()) {
      for (const side of [CALLEE_SIDE, CALLER_SIDE] as const) {
        if (session.legs[side].tap?.id === id) {
          const { callId } = session;
          this.log.error({ callId, side: sideName(side), err: cause }, 'a recording ended early: it cannot be written');
          this.closeTap(now, session, side);
        }
      }
    }
  }

  /** Ends a session that is in the table: its ports rest, its figures go into the totals, one line is logged. */
  endSession(now: number, session: Session, reason: EndReason): void {
    if (!this.sessions.remove(session)) {
      return;
    }
    const timedOut = reason === 'timeout' || reason === 'max-lifetime';
    const caller = this.counters(session, CALLER_SIDE);
    const callee = this.counters(session, CALLEE_SIDE);
    this.log[isProbeCallId(session.callId) ? 'debug' : 'info'](
      {
        callId: session.callId,
        fromTag: session.fromTag,
        toTag: session.toTag,
        ports: session.ports,
        remote: [this.#remoteText(session, CALLER_SIDE), this.#remoteText(session, CALLEE_SIDE)],
        rtpPackets: [caller.rtpAccepted, callee.rtpAccepted],
        rtcpPackets: [caller.rtcpAccepted, callee.rtcpAccepted],
        refused: caller.rtpRefused + caller.rtcpRefused + callee.rtpRefused + callee.rtcpRefused,
        durationMs: Math.round(now - session.createdAt),
        reason,
        silent: reason === 'timeout' ? session.silentSides(now).map(sideName) : undefined,
        ...this.media.last(now, session),
      },
      'session ended',
    );
    this.#sumUp(now, session, caller, callee);
    if (timedOut) {
      this.statistics.add('nsess_timeout');
      if (session.notify !== undefined) {
        const { target, tag } = session.notify;
        this.emit({ kind: 'notify', target, text: `${tag}\n` });
      }
    }
    this.stopFeeding(session);
    for (const target of session.forks) {
      this.#stopFeedingFrom(session, target);
    }
    this.stopPlaying(session, CALLEE_SIDE);
    this.stopPlaying(session, CALLER_SIDE);
    this.closeTap(now, session, CALLEE_SIDE);
    this.closeTap(now, session, CALLER_SIDE);
    this.releasePort(now, session, CALLEE_SIDE);
    this.releasePort(now, session, CALLER_SIDE);
    this.emit({ kind: 'end', session: session.id });
  }

  /** Ends the copies that a session gets of another one, if it does. */
  stopFeeding(target: Session): void {
    const source = target.fedBy === undefined ? undefined : this.sessions.byId(target.fedBy);
    if (source !== undefined) {
      this.#stopFeedingFrom(source, target.id);
    }
  }

  #stopFeedingFrom(source: Session, id: SessionId): void {
    source.forks.delete(id);
    const target = this.sessions.byId(id);
    if (target !== undefined) {
      target.fedBy = undefined;
    }
    this.emit({ kind: 'stop-feeding', source: source.id, target: id });
  }

  #sumUp(now: number, session: Session, caller: LegCounters, callee: LegCounters): void {
    const { statistics } = this;
    statistics.add('nsess_destroyed');
    statistics.add('total_duration', (now - session.createdAt) / 1000);
    if (session.complete) {
      const rtpWays = Number(caller.rtpAccepted > 0) + Number(callee.rtpAccepted > 0);
      const rtcpWays = Number(caller.rtcpAccepted > 0) + Number(callee.rtcpAccepted > 0);
      statistics.add('nsess_nortp', Number(rtpWays === 0));
      statistics.add('nsess_owrtp', Number(rtpWays === 1));
      statistics.add('nsess_nortcp', Number(rtcpWays === 0));
      statistics.add('nsess_owrtcp', Number(rtcpWays === 1));
    }
    for (const { analysis } of [caller, callee]) {
      statistics.add('rtpa_nsent', analysis.sent);
      statistics.add('rtpa_nrcvd', analysis.received);
      statistics.add('rtpa_ndups', analysis.duplicates);
      statistics.add('rtpa_nlost', analysis.lost);
      statistics.add('rtpa_perrs', analysis.parseErrors);
    }
  }

  #remoteText(session: Session, side: Side): string | undefined {
    const remote = this.meter.leg(session.id, side)?.remote ?? session.legs[side].peer;
    return remote === undefined ? undefined : formatTransportAddress(remote);
  }
}
