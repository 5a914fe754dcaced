/** Turns the life of calls and registrations into log lines and call detail records. */
import type { Log } from '../../observe/log.ts';
import type { CallEvent, CallRecord } from '../../sip/b2bua/call-record.ts';
import type { RegistrarEvent } from '../../sip/registrar/binding.ts';
import { formatFlow } from '../../sip/transaction/flow.ts';
import type { CallDetailRecord } from '../../store/call-detail-record.ts';
import { q850Cause } from '../../store/q850.ts';
import { assertNever } from '../../wire/assert-never.ts';
import { formatTransportAddress } from '../../wire/ip-address.ts';

/** Monotonic milliseconds to wall clock. */
export type WallClock = (at: number) => Date;

/** One line at each turn of a call: who calls whom, since when it rings, how it ended. */
export function logCall(log: Log, { kind, record }: CallEvent): void {
  const { callId, fromTag, caller, callee } = record;
  const who = { callId, fromTag, caller: caller.uri, callee: callee.uri };
  switch (kind) {
    case 'invited':
      log.info({ remote: formatTransportAddress(caller.address), ...who }, 'call started');
      break;
    case 'ringing':
      log.info(who, 'call rings');
      break;
    case 'answered':
      log.info({ ports: record.relayPorts, ...who }, 'call answered');
      break;
    case 'resumed':
      log.info({ ports: record.relayPorts, ...who }, 'call of an earlier run goes on');
      break;
    case 'moved':
      log.warn({ ports: record.relayPorts, ...who }, 'the media relay is gone: the call goes on over another session');
      break;
    case 'changed':
      break;
    case 'ended': {
      const { endedBy, status, reason, endedAt = 0, answeredAt } = record;
      const durationMs = answeredAt === undefined ? 0 : Math.round(endedAt - answeredAt);
      log.info({ status, leg: endedBy, reason, durationMs, ...who }, 'call ended');
      break;
    }
    default:
      assertNever(kind);
  }
}

export function logRegistration(log: Log, event: RegistrarEvent): void {
  const { aor, flow } = event.binding;
  if (event.kind === 'unregistered') {
    log.info({ aor, remote: formatFlow(flow), reason: event.reason }, 'contact unregistered');
  } else if (event.refreshed) {
    log.debug({ aor, remote: formatFlow(flow) }, 'contact refreshed');
  } else {
    log.info({ aor, remote: formatFlow(flow) }, 'contact registered');
  }
}

/** The CDR line of an event, or undefined when this event has none in that mode (`CDR_MERGE_MODE`). */
export function cdrOf(
  { kind, record }: CallEvent,
  merged: boolean,
  wallClock: WallClock,
): CallDetailRecord | undefined {
  const event = cdrEvent(kind, merged);
  return event === undefined ? undefined : formatRecord(event, record, wallClock);
}

/** What is known so far of a call that has not ended, as its last line will say it. */
export function openRecordOf(record: CallRecord, merged: boolean, wallClock: WallClock): CallDetailRecord {
  return formatRecord(merged ? 'call' : 'end', record, wallClock);
}

function cdrEvent(kind: CallEvent['kind'], merged: boolean): CallDetailRecord['event'] | undefined {
  switch (kind) {
    case 'invited':
      return merged ? undefined : 'invite';
    case 'answered':
      return merged ? undefined : 'answer';
    case 'ringing':
    case 'changed':
    case 'moved':
    case 'resumed':
      return undefined;
    case 'ended':
      return merged ? 'call' : 'end';
    default:
      return assertNever(kind);
  }
}

function formatRecord(event: CallDetailRecord['event'], record: CallRecord, wallClock: WallClock): CallDetailRecord {
  const { ringingAt, answeredAt, endedAt, calleeCallId, endedBy, status, reason, callee } = record;
  const iso = (at: number): string => wallClock(at).toISOString();
  const seconds = answeredAt === undefined || endedAt === undefined ? 0 : (endedAt - answeredAt) / 1000;
  return {
    event,
    id: record.id,
    callId: record.callId,
    ...(calleeCallId !== undefined && { calleeCallId }),
    caller: { uri: record.caller.uri, address: formatTransportAddress(record.caller.address) },
    callee: { uri: callee.uri, ...(callee.address && { address: formatTransportAddress(callee.address) }) },
    invitedAt: iso(record.invitedAt),
    ...(ringingAt !== undefined && { ringingAt: iso(ringingAt) }),
    ...(answeredAt !== undefined && { answeredAt: iso(answeredAt) }),
    ...(endedAt !== undefined && { endedAt: iso(endedAt), durationSeconds: Math.round(seconds * 1000) / 1000 }),
    ...(endedBy !== undefined && { endedBy }),
    ...(status !== undefined && { status }),
    ...(reason !== undefined && { reason }),
    ...(endedBy !== undefined && {
      cause: q850Cause({ answered: answeredAt !== undefined, endedBy, status, reason }),
    }),
    relayPorts: { caller: record.relayPorts.caller.map(Number), callee: record.relayPorts.callee.map(Number) },
  };
}
