/** What `U`, `L` and the subcommand `L` have in common: a party's address, and a leg that gets its socket. */

import type { Ecode } from '../../rtpp/ecodes.ts';
import { type PeerAddress, parsePeer } from '../../rtpp/peer.ts';
import { isProbeCallId } from '../../rtpp/probe-call-id.ts';
import { formatPort } from '../../rtpp/reply.ts';
import { parseStreamModifiers, type StreamModifiers } from '../../rtpp/stream-modifiers.ts';
import {
  formatTransportAddress,
  isLoopback,
  isWildcard,
  sameAddress,
  type TransportAddress,
} from '../../wire/ip-address.ts';
import { err, ok, type Result } from '../../wire/result.ts';
import { type LocalAddress, type LocalAddresses, reportedAddress } from '../local-addresses.ts';
import { isUnicast } from '../own-control.ts';
import { CALLEE_SIDE, CALLER_SIDE, otherSide, type Side, sideName } from '../plane.ts';
import { Session } from '../session.ts';
import type { PortFailure, RelayState } from '../state.ts';
import type { Opening } from './spec.ts';
import { startRecording } from './taps.ts';

export interface StreamOptions {
  readonly modifiers: StreamModifiers<LocalAddress>;
  /** The party that sent the SDP, and so this command. */
  readonly peer: PeerAddress;
  /** The local address that the command asks for, by a modifier or by the family of its address. */
  readonly local: LocalAddress | undefined;
}

/** A command that says nothing but call id and tags: the dialect's. */
export const NO_OPTIONS: StreamOptions = {
  modifiers: {
    asymmetric: undefined,
    weak: false,
    family: 4,
    directions: [],
    packetMs: 0,
    codecs: undefined,
    local: undefined,
    newPort: false,
    situation: undefined,
  },
  peer: { kind: 'absent' },
  local: undefined,
};

/** E11–E16, E31, E32, E35, then E36, then E37. */
export function parseStreamOptions(
  addresses: LocalAddresses,
  modifierText: string,
  address: string,
  port: string,
): Result<StreamOptions, Ecode> {
  const modifiers = parseStreamModifiers<LocalAddress>(modifierText, addresses);
  if (!modifiers.ok) {
    return modifiers;
  }
  const { family, directions } = modifiers.value;
  let { local } = modifiers.value;
  if (local === undefined && directions.length === 0 && family !== addresses.internal.family) {
    local = addresses.newestOf(family);
    if (local === undefined) {
      return err(36);
    }
  }
  const peer = parsePeer(address, port, family);
  return peer.ok ? ok({ modifiers: modifiers.value, peer: peer.value, local }) : peer;
}

/** A session with its first leg, the one that faces the callee, open; undefined: no port (E72). */
export function* createSession(
  state: RelayState,
  now: number,
  callId: string,
  fromTag: string,
  options: StreamOptions,
): Opening<Session | undefined> {
  const { settings, addresses } = state;
  if (state.sessions.size >= settings.maxSessions) {
    if (state.sessionLog.allow(now) !== undefined) {
      state.log.warn({ count: settings.maxSessions }, 'no new session: the highest number is reached');
    }
    return undefined;
  }
  const [towardsSender, towardsFar] = options.modifiers.directions.map((direction) =>
    direction === 'external' ? addresses.external : addresses.internal,
  );
  const facingCaller = options.local ?? towardsSender ?? addresses.internal;
  const facingCallee = options.local ?? towardsFar ?? addresses.internal;
  const { ttlSeconds, setupTtlSeconds, ttlPerLeg, holdTtlSeconds, maxLifetimeSeconds } = settings;
  const times = { ttlSeconds, setupTtlSeconds, ttlPerLeg, holdTtlSeconds, maxLifetimeSeconds };
  const id = state.nextSessionId();
  const session = new Session(now, { id, callId, fromTag, ...times }, [facingCallee, facingCaller]);
  if (!(yield* openLeg(state, now, session, 0, session.legs[0].local))) {
    state.emit({ kind: 'end', session: id });
    return undefined;
  }
  state.sessions.add(session);
  state.statistics.add('nsess_created');
  return session;
}

/** `-a`: every session is recorded, in one file where the format has room for both parties. */
function* recordIfAll(state: RelayState, session: Session): Opening<void> {
  const { recording } = state.settings;
  if (recording?.everySession === true) {
    yield* startRecording(state, session, CALLER_SIDE, true);
    yield* startRecording(state, session, CALLEE_SIDE, true);
  }
}

/**
 * Makes sure that the leg has a socket, or a new one when the command says `N`. False: no port (E71).
 * The second leg completes the session.
 */
export function* ensureLeg(
  state: RelayState,
  now: number,
  session: Session,
  side: Side,
  options: StreamOptions,
): Opening<boolean> {
  const leg = session.legs[side];
  const { newPort, directions } = options.modifiers;
  if (leg.port !== undefined && !newPort) {
    return true;
  }
  const wasComplete = session.complete;
  const { internal, external } = state.addresses;
  const byDirection = newPort && directions.length === 2 ? directions[1] : undefined;
  const local = options.local ?? (byDirection === 'external' ? external : byDirection && internal) ?? leg.local;
  if (!(yield* openLeg(state, now, session, side, local))) {
    return false;
  }
  if (!wasComplete && session.complete) {
    state.statistics.add('nsess_complete');
    session.refresh(now);
    logLeg(state, session, side, 'session answered');
    yield* recordIfAll(state, session);
  }
  return true;
}

/** Notes what a party's command says of it, and tells the plane. */
export function updateParty(
  state: RelayState,
  now: number,
  session: Session,
  side: Side,
  options: StreamOptions,
): void {
  const { modifiers, peer } = options;
  const leg = session.legs[side];
  leg.asymmetric = modifiers.asymmetric ?? state.settings.asymmetricByDefault;
  leg.codecs = modifiers.codecs;
  if (leg.packetMs !== modifiers.packetMs) {
    leg.packetMs = modifiers.packetMs;
    state.emit({ kind: 'packet-length', session: session.id, side, ms: leg.packetMs });
  }
  const target = peer.kind === 'address' && mayReceive(state, now, session, peer.target) ? peer.target : undefined;
  leg.peer = target ?? leg.peer;
  const { situation } = modifiers;
  if (situation !== undefined) {
    session.stage = situation.ringing ? 'ringing' : 'answered';
    leg.onHold = situation.held || peer.kind === 'hold';
  } else if (peer.kind !== 'absent') {
    leg.onHold = peer.kind === 'hold';
  }
  leg.symmetric = modifiers.asymmetric === false;
  tellPlane(state, session, side, target);
  session.refresh(now);
}

/** `peer`: undefined when nothing new is known of it. */
function tellPlane(state: RelayState, session: Session, side: Side, peer: TransportAddress | undefined): void {
  const { asymmetric, symmetric, shunnedSsrc } = session.legs[side];
  state.emit({ kind: 'peer', session: session.id, side, order: { peer, asymmetric, symmetric, shunnedSsrc } });
}

/** Whether media may go to a signalled address. One that it may not go to counts as absent. */
function mayReceive(state: RelayState, now: number, session: Session, target: TransportAddress): boolean {
  const { address, port } = target;
  if (isUnicast(address) && !state.isOwnControl(address, port)) {
    return !isOwnLeg(session, target);
  }
  const suppressed = state.peerLog.allow(now);
  if (suppressed !== undefined) {
    const fields = { callId: session.callId, remote: formatTransportAddress(target), count: suppressed };
    state.log.warn(fields, 'no media goes to this address: it is the relay’s own control socket, or not one host’s');
  }
  return false;
}

/**
 * A party whose address is a port of this very session would make packets go round in it for ever. Another
 * session's port is fine: a call may pass the relay twice.
 */
function isOwnLeg({ legs }: Session, { address, port }: TransportAddress): boolean {
  return legs.some(
    (leg) =>
      leg.port !== undefined &&
      (port === leg.port || port === leg.port + 1) &&
      (sameAddress(address, leg.local.address) ||
        leg.local.advertised === address ||
        (isWildcard(leg.local.address) && isLoopback(address))),
  );
}

/** The port of a leg that is open, as `U` and `L` reply it. */
export function reportLeg(session: Session, side: Side): string {
  const { port, local } = session.legs[side];
  return formatPort(port ?? 0, reportedAddress(local), local.family);
}

/** One line for an offer or an answer: the port told, and the party that told its own. */
export function logLeg(state: RelayState, session: Session, reported: Side, sentence: string): void {
  const { peer } = session.legs[otherSide(reported)];
  state.log[isProbeCallId(session.callId) ? 'debug' : 'info'](
    {
      callId: session.callId,
      fromTag: session.fromTag,
      toTag: session.toTag,
      side: sideName(reported),
      localPort: session.legs[reported].port,
      remote: peer === undefined ? undefined : formatTransportAddress(peer),
    },
    sentence,
  );
}

/** Pairs tried for one leg: each costs two system calls, and the other commands wait meanwhile. */
const MAX_TRIES = 200;

/** Opens the first pair of the table that the system gives; the leg's old pair is given back. */
function* openLeg(state: RelayState, now: number, session: Session, side: Side, local: LocalAddress): Opening<boolean> {
  const table = state.ports(local.family);
  let tries = 0;
  let reason: PortFailure = 'used-up';
  for (const port of table.candidates(now)) {
    const { address, family } = local;
    const outcome = yield { kind: 'open', request: { session: session.id, side, address, family, port } };
    if (outcome.kind === 'opened') {
      table.claim(port);
      state.releasePort(now, session, side);
      session.legs[side].shunnedSsrc = state.portMemory.recall(now, family, port);
      if (session.legs[side].shunnedSsrc !== undefined) {
        tellPlane(state, session, side, undefined);
      }
      session.legs[side].port = port;
      session.legs[side].local = local;
      return true;
    }
    reason = outcome.reason;
    if (reason !== 'in-use' && reason !== 'no-privilege') {
      explainFailure(state, now, local, reason, outcome.cause);
      return false;
    }
    tries += 1;
    if (tries === MAX_TRIES) {
      break;
    }
  }
  const cause = `${tries} of ${table.pairsTotal} port pairs tried, ${table.pairsInUse} in use here`;
  explainFailure(state, now, local, reason, cause);
  return false;
}

const FAILURE_SENTENCES = {
  'used-up': 'no media port is free, sessions have them all: widen the range with -m and -M',
  'in-use':
    'no media port is free, other programs hold those that were tried: take another range with -m and -M, or keep the system out of it with net.ipv4.ip_local_reserved_ports',
  'no-privilege':
    'media ports cannot be opened: the system does not permit it; ports below 1024 need a privilege, take higher ones with -m and -M',
  'not-local':
    'media ports cannot be opened: the address of -l is not one of this machine; give a local one to -l and the public one to -A',
  'no-descriptors':
    'media ports cannot be opened: too many open files; raise the hard limit with ulimit -Hn (LimitNOFILE= in a unit)',
  other: 'media ports cannot be opened',
} as const satisfies Record<PortFailure, string>;

function explainFailure(state: RelayState, now: number, local: LocalAddress, reason: PortFailure, cause: string): void {
  const suppressed = state.portLogs[reason].allow(now);
  if (suppressed !== undefined) {
    const { minPort, maxPort } = state.settings;
    const fields = { address: local.address, ports: [minPort, maxPort], reason, err: cause, count: suppressed };
    state.log.error(fields, FAILURE_SENTENCES[reason]);
  }
}
