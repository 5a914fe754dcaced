/** The child's end of the channel to `ims-launch`. Without a supervisor everything here does nothing. */
import { LoopLag } from '../io/loop-lag.ts';
import {
  type AddressMessage,
  type ChildMessage,
  type ChildQuestion,
  type ConfigMessage,
  DEATH_POLICY,
  type SupervisorMessage,
} from '../observe/ipc.ts';
import { logLevelOf } from '../observe/level.ts';
import type { Logger } from '../observe/logger.ts';
import type { FlowCounts } from '../relay/media/flow-states.ts';

const HEARTBEAT_MS = 2000;

/** Resolves when the message has left this process, or nobody listens any more. */
export function tellSupervisor(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) {
      resolve();
    } else {
      process.send(message, undefined, undefined, () => resolve());
    }
  });
}

/** Tells the supervisor every two seconds how late our event loop is and how much there is to do. Returns the stop. */
export function startHeartbeat(
  load: () => { readonly sessions: number; readonly flows?: FlowCounts | undefined },
): () => void {
  if (process.send === undefined) {
    return () => {};
  }
  const lag = new LoopLag();
  const timer = setInterval(() => {
    void tellSupervisor({ kind: 'heartbeat', loopLagMs: Math.round(lag.take() * 10) / 10, ...load() });
  }, HEARTBEAT_MS);
  return () => {
    clearInterval(timer);
    lag.close();
  };
}

/**
 * Calls back once the supervisor is gone, also when it went before anybody listened: a child that is still loading its
 * modules when the supervisor is killed would otherwise run on for ever. Returns the release.
 */
export function onSupervisorGone(callback: () => void): () => void {
  process.on('disconnect', callback);
  // False is "no longer"; a process that never had a channel has no such property.
  if (process.connected === false) {
    queueMicrotask(callback);
  }
  return () => process.off('disconnect', callback);
}

/** The same, unless the operator wants us to go on without it (`supervisor.onSupervisorDeath`). */
export function endWithSupervisor(end: () => void): () => void {
  return process.env[DEATH_POLICY] === 'leave' ? () => {} : onSupervisorGone(end);
}

export interface SupervisorOrders {
  shutdown(): void;
  /** No new calls or sessions; the end comes with the last one. */
  drain(): void;
  /** Another relay serves from now on. `epoch`: how many the run has had. */
  relayUp?(epoch: number): void;
  configure?(message: ConfigMessage): void;
  move?(message: AddressMessage): void;
  answer?(question: ChildQuestion): unknown;
}

/** Carries out what the supervisor says. A kind that is meant for another child, or from a newer one, is ignored. */
export function obeySupervisor(message: SupervisorMessage, log: Logger, orders: SupervisorOrders): void {
  switch (message?.kind) {
    case 'shutdown':
      if (message.drain) {
        orders.drain();
      } else {
        orders.shutdown();
      }
      break;
    case 'relay-up':
      orders.relayUp?.(Number(message.epoch));
      break;
    case 'config':
      orders.configure?.(message);
      break;
    case 'address':
      orders.move?.(message);
      break;
    case 'ask':
      void tellSupervisor({ kind: 'answer', id: message.id, result: orders.answer?.(message.question) });
      break;
    case 'log-level':
      log.level = logLevelOf(String(message.level)) ?? log.level;
      break;
    default:
      break;
  }
}
