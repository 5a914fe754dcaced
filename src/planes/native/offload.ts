import type { PassedOn } from '../../relay/media/passed-on.ts';
import type { WorkerSession, WorkerSocket } from './worker-session.ts';

/**
 * What may take RTP of a session off its sockets, in the thread that moves its packets. Whatever it does not take comes
 * to the sockets as ever; what it took is joined with the counters of the path before the path is asked anything.
 */
export interface Offload {
  /** Before a packet from this RTP socket is judged. */
  arriving(socket: WorkerSocket): void;
  /** After one was, and has left if it was to leave. */
  handled(now: number, socket: WorkerSocket, packet: Uint8Array, address: string, port: number): void;
  /** While it returns true the socket is read until it is empty. */
  wantsEmpty(socket: WorkerSocket): boolean;
  /** The socket was found empty. */
  emptied(socket: WorkerSocket): void;
  /** Before anything about the session changes: every packet comes to the sockets from now on. */
  withdraw(session: WorkerSession): void;
  /** The session has ended. */
  end(session: WorkerSession): void;
  /** Routes, neighbours or interfaces have changed. */
  reconsider(): void;
}

/** The same, seen from the control thread. */
export interface OffloadControl {
  /** The program of the worker threads, which brings an `Offload`. */
  readonly entry: URL;
  /** What the worker with this number is born with. */
  birth(worker: number): unknown;
  /** What was taken off at a place, by the control thread's clock. */
  passedOn(place: number): PassedOn | undefined;
  /** The worker with this number has died: all that it had comes to the sockets from the return of this call on. */
  lost(worker: number): void;
  /** Idempotent. */
  close(): void;
}
