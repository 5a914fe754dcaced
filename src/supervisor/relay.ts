/**
 * The relay: found, or started, or neither.
 *
 *     probe ─ absent ──► auto-start on: claim ─ held ──► spawn ─ report ─ V ─ media ─► ready
 *       │                  │ taken: probe again
 *       │                auto-start off: idle, asked again every 2 s
 *       ├─── rtpp ─────► adopted (one media proof), never signalled
 *       └─── foreign, or silent for 5 s ──► exit 69 at boot; a failed try later
 */
import { assertNever } from '../wire/assert-never.ts';
import type { CheckOutcome, ClaimOutcome, RelayVerdict, SupervisorEvent } from './events.ts';
import { fail, giveUp, restartOther } from './failure.ts';
import { becomeReady, healthIntervalMs, READINESS_POLL_MS, spawn } from './lifecycle.ts';
import { HEALTHY, MEDIA_UNTRIED, type MediaHealth, MISSES_TOLD } from './state.ts';
import type { Turn } from './turn.ts';

/** A holder of the port that keeps silent gets this long to speak, milliseconds. */
export const SILENCE_ALLOWED_MS = 5000;

/** Between looks for a relay that somebody else is to start, milliseconds. */
export const SEARCH_INTERVAL_MS = 2000;

/** Between tries of the media proof, milliseconds. */
const PROOF_INTERVAL_MS = 250;

/** Tries to see a found relay forward media, before calls are let through it all the same. */
const ADOPTED_PROOFS = 3;

/** A second refusal after this time, milliseconds, and a found relay is gone. */
const REFUSAL_CONFIRMED_MS = 1000;

type MediaProved = Pick<Extract<SupervisorEvent, { kind: 'media-proved' }>, 'ok' | 'finding' | 'callsFail'>;

/** Asks who holds the control port. Each search is a generation of its own, so that late answers to others are void. */
export function searchRelay(turn: Turn): void {
  const generation = turn.service('relay').generation + 1;
  turn.enter('relay', { kind: 'idle' });
  turn.patchService('relay', { generation, asking: true, askAt: turn.now });
  turn.emit({ kind: 'probe-relay', generation });
}

/**
 * The next incarnation. On a port that we hold there is nobody to look for, and a probe would meet our own silence;
 * else somebody may have taken the port meanwhile: then it is used, or named.
 */
export function startRelay(turn: Turn): void {
  const { controlHeld, rules } = turn.state;
  if (controlHeld && rules.relay.embedded && rules.relay.autoStart) {
    spawn(turn, 'relay');
    return;
  }
  if (controlHeld) {
    // The configuration changed: another program binds the port itself, or none is started from here.
    turn.patch({ controlHeld: false });
    turn.emit({ kind: 'release-control' });
  }
  searchRelay(turn);
}

export function handleProbed(turn: Turn, verdict: RelayVerdict): void {
  const { condition, history, generation } = turn.service('relay');
  if (condition.kind !== 'idle') {
    return;
  }
  turn.patchService('relay', { asking: false });
  turn.report('debug', 'relay.probe', 'asked who holds the control port', { service: 'relay', reason: verdict.kind });
  const { autoStart, embedded } = turn.state.rules.relay;
  const claims = verdict.kind === 'absent' && autoStart && embedded;
  if (verdict.kind !== 'silent' && !claims) {
    turn.patch({ silentSince: Number.POSITIVE_INFINITY });
  }
  switch (verdict.kind) {
    case 'absent':
      if (claims) {
        turn.patchService('relay', { asking: true, askAt: turn.now });
        turn.emit({ kind: 'claim-control', generation });
      } else if (autoStart) {
        spawn(turn, 'relay');
      } else {
        waitForRelay(turn);
      }
      break;
    case 'rtpp':
      adopt(turn, verdict.description);
      break;
    case 'foreign':
      refuse(turn, 'IMS_ERR_RELAY_FOREIGN', `${verdict.owner} holds the relay's control port and does not speak RTPP`);
      break;
    case 'silent': {
      const silentSince = Math.min(turn.state.silentSince, turn.now);
      turn.patch({ silentSince });
      if (history.everReady || turn.now - silentSince >= SILENCE_ALLOWED_MS) {
        refuse(turn, 'IMS_ERR_RELAY_SILENT', `${verdict.owner} holds the relay's control port and does not answer`);
      } else {
        turn.patchService('relay', { askAt: turn.now + READINESS_POLL_MS });
      }
      break;
    }
  }
}

/** The port was free when it was asked. Who bound it since is looked for like anybody who was there before. */
export function handleClaimed(turn: Turn, outcome: ClaimOutcome, detail: string): void {
  turn.patchService('relay', { asking: false });
  switch (outcome) {
    case 'held':
      turn.patch({ controlHeld: true, silentSince: Number.POSITIVE_INFINITY });
      turn.report('debug', 'relay.claim', 'the control port is held for the relay', { service: 'relay' });
      spawn(turn, 'relay');
      break;
    case 'unavailable':
      turn.patch({ silentSince: Number.POSITIVE_INFINITY });
      turn.report('debug', 'relay.claim', 'the relay binds its control port itself', {
        service: 'relay',
        reason: detail,
      });
      spawn(turn, 'relay');
      break;
    case 'taken':
      handleTaken(turn, detail);
      break;
    default:
      assertNever(outcome);
  }
}

/** A holder that refuses every question and lets nobody bind is as good as silent: it has as long to show itself. */
function handleTaken(turn: Turn, owner: string): void {
  const { silentSince } = turn.state;
  if (silentSince === Number.POSITIVE_INFINITY) {
    turn.report('info', 'relay.taken', 'somebody took the control port just now: asking who it is', {
      service: 'relay',
      reason: owner,
    });
  }
  turn.patch({ silentSince: Math.min(silentSince, turn.now) });
  if (turn.now - silentSince >= SILENCE_ALLOWED_MS) {
    turn.patch({ silentSince: Number.POSITIVE_INFINITY });
    refuse(turn, 'IMS_ERR_RELAY_SILENT', `${owner} holds the relay's control port and does not answer`);
  } else {
    turn.patchService('relay', { askAt: turn.now + READINESS_POLL_MS });
  }
}

export function handleRelayChecked(turn: Turn, outcome: CheckOutcome, finding: string): void {
  const { condition } = turn.service('relay');
  if (condition.kind !== 'starting') {
    return;
  }
  if (outcome === 'answered') {
    turn.enter('relay', { ...condition, step: 'media', finding: 'media has not passed yet' }, turn.now);
  } else {
    turn.enter('relay', { ...condition, finding }, turn.now + READINESS_POLL_MS);
  }
}

export function handleMediaProved(turn: Turn, proof: MediaProved): void {
  const { condition } = turn.service('relay');
  const { ok, finding } = proof;
  if (condition.kind === 'starting' && condition.step === 'media') {
    if (ok) {
      becomeReady(turn, 'relay');
      beginEpoch(turn);
    } else {
      turn.report('debug', 'relay.media', 'media did not pass through the relay', { reason: finding });
      turn.enter('relay', { ...condition, finding }, turn.now + PROOF_INTERVAL_MS);
    }
  } else if (condition.kind === 'adopted' && condition.proofsLeft > 0) {
    const proofsLeft = ok ? 0 : condition.proofsLeft - 1;
    if (proofsLeft > 0) {
      turn.enter('relay', { ...condition, proofsLeft }, turn.now + PROOF_INTERVAL_MS);
      return;
    }
    const health = { ...condition.health, media: mediaOfFound(turn.now, proof) };
    turn.enter('relay', { ...condition, proofsLeft, health }, turn.now + healthIntervalMs(turn, 'relay'));
    if (!ok) {
      tellDoubt(turn, proof);
    }
    beginEpoch(turn);
  }
}

/** What the proof of a found relay showed; as long as calls fail it is looked at again. */
function mediaOfFound(now: number, { callsFail, finding }: MediaProved): MediaHealth {
  if (callsFail !== true) {
    return MEDIA_UNTRIED;
  }
  return {
    ...MEDIA_UNTRIED,
    checks: ADOPTED_PROOFS,
    checkedAt: now,
    misses: MISSES_TOLD,
    failingSince: now,
    finding,
  };
}

function tellDoubt(turn: Turn, { callsFail, finding }: MediaProved): void {
  const fields = { service: 'relay', reason: finding };
  if (callsFail === true) {
    const sentence = 'the relay that was found answers commands, but cannot serve: calls through it fail';
    turn.report('error', 'relay.media', sentence, fields);
  } else {
    const sentence = 'the relay that was found does not pass media from here: calls may be silent';
    turn.report('warn', 'relay.media', sentence, fields);
  }
}

/** A found relay refused: the second refusal, a second later, means that it is gone. */
export function handleAdoptedRefused(turn: Turn): void {
  const { condition } = turn.service('relay');
  if (condition.kind !== 'adopted') {
    return;
  }
  const { refusedAt } = condition.health;
  if (refusedAt === Number.NEGATIVE_INFINITY) {
    const health = { ...condition.health, refusedAt: turn.now };
    turn.enter('relay', { ...condition, health }, turn.now + REFUSAL_CONFIRMED_MS);
    return;
  }
  turn.report('error', 'relay.lost', 'the relay that was found is gone', { service: 'relay' });
  turn.patch({ absenceTold: false });
  restartOther(turn, 'relay');
  searchRelay(turn);
}

/** Whether the IMS may start: media is known to flow, or nobody promised that it would. */
export function isGateOpen(turn: Turn): boolean {
  const { condition, history } = turn.service('relay');
  const { autoStart, required } = turn.state.rules.relay;
  switch (condition.kind) {
    case 'ready':
    case 'unhealthy':
      return true;
    case 'adopted':
      return condition.proofsLeft === 0;
    case 'idle':
      return !autoStart && !required && (turn.state.absenceTold || history.everReady);
    case 'failed':
      // Parked: the rest is to go on without it.
      return !required;
    default:
      return false;
  }
}

function adopt(turn: Turn, description: string): void {
  const { history, generation } = turn.service('relay');
  turn.patchService('relay', { history: { ...history, everReady: true }, generation: generation + 1 });
  turn.enter('relay', { kind: 'adopted', since: turn.now, proofsLeft: ADOPTED_PROOFS, health: HEALTHY }, turn.now);
  turn.patch({ relayDueAt: Number.POSITIVE_INFINITY });
  turn.report('info', 'relay.adopted', 'using the relay that already answers; it will not be stopped', {
    service: 'relay',
    reason: description,
  });
}

function waitForRelay(turn: Turn): void {
  turn.enter('relay', { kind: 'idle' }, turn.now + SEARCH_INTERVAL_MS);
  if (!turn.state.absenceTold) {
    turn.patch({ absenceTold: true });
    turn.report(
      'warn',
      'relay.absent',
      'no relay answers, and none is started from here (RTPPROXY_AUTO_START): calls are refused until there is one',
      { service: 'relay' },
    );
  }
}

function refuse(turn: Turn, code: 'IMS_ERR_RELAY_FOREIGN' | 'IMS_ERR_RELAY_SILENT', message: string): void {
  if (turn.service('relay').history.everReady) {
    turn.report('error', 'relay.probe', message, { service: 'relay' });
    fail(turn, 'relay', { exitCode: undefined, signal: undefined, sentence: `could not be started: ${message}` });
  } else {
    giveUp(turn, 'relay', 69, { code, message });
  }
}

/** Media sessions of an earlier relay are gone: an IMS that lives is told. */
function beginEpoch(turn: Turn): void {
  const epoch = turn.state.relayEpoch + 1;
  turn.patch({ relayEpoch: epoch });
  if (turn.service('ims').incarnation === undefined) {
    return;
  }
  if (turn.state.rules.ims.embedded) {
    turn.emit({ kind: 'tell-relay-up', epoch });
  }
  if (turn.state.rules.hasRelayHook) {
    turn.emit({ kind: 'run-relay-hook' });
  }
}
