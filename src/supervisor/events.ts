/** Facts that reach the supervisor, and effects that leave it. Both are unions on `kind`. */
import type { Failure, ServiceName, SupervisorRules } from './state.ts';

/** What listens on the relay's control port. */
export type RelayVerdict =
  /** Nothing: the connection was refused. */
  | { readonly kind: 'absent' }
  /** A relay that speaks RTPP. `description`: version and owner, for people. */
  | { readonly kind: 'rtpp'; readonly description: string }
  /** Something that answers, but not RTPP. */
  | { readonly kind: 'foreign'; readonly owner: string }
  /** Something that holds the port and does not answer. */
  | { readonly kind: 'silent'; readonly owner: string };

/** What became of the wish to hold the control port. */
export type ClaimOutcome =
  | 'held'
  /** Somebody bound it after it was found free. */
  | 'taken'
  /** Not on this system: the relay binds it itself. */
  | 'unavailable';

export type CheckOutcome = 'answered' | 'refused' | 'silent';

/** The result of one check of a relay's media. */
export interface MediaSample {
  readonly verdict:
    | 'passed'
    /** Packets went in and did not come out, or came out altered. */
    | 'failed'
    /** The relay opened no session for it. */
    | 'refused'
    /** Its control socket did not answer. */
    | 'unanswered';
  /** What was met, for people; empty when media passed. */
  readonly finding: string;
  /** One way through the relay; undefined: nothing passed. */
  readonly delayMs: number | undefined;
  /** Of others than the check itself; undefined: the relay does not tell. */
  readonly sessions: number | undefined;
  /** Packets that the relay has sent in its life; undefined: it does not tell. */
  readonly relayedPackets: number | undefined;
  /** How late our own event loop was at worst meanwhile. */
  readonly lagMs: number;
}

export type SpawnFailure =
  | 'not-found'
  | 'not-executable'
  | 'bad-cwd'
  | 'too-big'
  /** EAGAIN, ENOMEM, EMFILE: another try may succeed. */
  | 'out-of-resources';

/** Facts that carry a service carry the generation that they are about as well; older ones are dropped. */
export type SupervisorEvent =
  | { readonly kind: 'boot' }
  | { readonly kind: 'configured'; readonly rules: SupervisorRules }
  /** The configuration changed while the system runs. */
  | Reconfigured
  | { readonly kind: 'config-failed'; readonly exitCode: number; readonly failure: Failure }
  | { readonly kind: 'relay-probed'; readonly generation: number; readonly verdict: RelayVerdict }
  /** `detail`: who took it, or why it is unavailable; for people. */
  | {
      readonly kind: 'control-claimed';
      readonly generation: number;
      readonly outcome: ClaimOutcome;
      readonly detail: string;
    }
  | { readonly kind: 'spawned'; readonly service: ServiceName; readonly generation: number; readonly pid: number }
  | {
      readonly kind: 'spawn-failed';
      readonly service: ServiceName;
      readonly generation: number;
      readonly reason: SpawnFailure;
      readonly detail: string;
    }
  /** The leader of the group ended. */
  | {
      readonly kind: 'exited';
      readonly service: ServiceName;
      readonly generation: number;
      readonly exitCode: number | undefined;
      readonly signal: string | undefined;
      /** It left processes of its own behind in the background. */
      readonly daemonised: boolean;
    }
  /** No living process is left in the group. */
  | { readonly kind: 'extinct'; readonly service: ServiceName; readonly generation: number }
  /** IPC `ready`. */
  | { readonly kind: 'reported-ready'; readonly service: ServiceName; readonly generation: number }
  | { readonly kind: 'heartbeat'; readonly service: ServiceName; readonly generation: number }
  /** Sessions that a relay of ours says it has. */
  | { readonly kind: 'counted'; readonly service: 'relay'; readonly generation: number; readonly sessions: number }
  | {
      readonly kind: 'checked';
      readonly service: ServiceName;
      readonly generation: number;
      readonly outcome: CheckOutcome;
      /** What was met, for people. */
      readonly finding: string;
    }
  | {
      readonly kind: 'media-proved';
      readonly generation: number;
      readonly ok: boolean;
      readonly finding: string;
      /** No session was granted, or its RTP got lost. Left out: only RTCP is missing, or it cannot be told from here. */
      readonly callsFail?: boolean;
    }
  | ({ readonly kind: 'media-checked'; readonly generation: number } & MediaSample)
  /** A timer of ours fired, or anything else happened, this long after the instant that was waited for. */
  | { readonly kind: 'late'; readonly lateMs: number }
  | { readonly kind: 'signal'; readonly signal: StopSignal; readonly reason: string }
  /** The process that started us is gone (npm and npx do not pass signals on). */
  | { readonly kind: 'launcher-gone' }
  | { readonly kind: 'swept'; readonly found: number }
  /** Orders of an operator. */
  | { readonly kind: 'restart-asked'; readonly service: ServiceName }
  | { readonly kind: 'drain-asked'; readonly limitMs: number }
  | { readonly kind: 'stop-asked'; readonly reason: string }
  | { readonly kind: 'kill-asked'; readonly reason: string }
  | { readonly kind: 'timeout' };

export interface Reconfigured {
  readonly kind: 'reconfigured';
  readonly rules: SupervisorRules;
  /** Services that need a new process to take the change. */
  readonly restarts: readonly { readonly service: ServiceName; readonly whenIdle: boolean }[];
  /** Waiting for the last call to end is over after this time, milliseconds. */
  readonly idleLimitMs: number;
  /** `rollbackOnFailure` */
  readonly revocable: boolean;
  /** This is the configuration before, after `roll-back`. */
  readonly rollback: boolean;
}

export type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGQUIT';

export type SupervisorEffect =
  /** Read configuration and address, see that the SIP port is free; answered by `configured` or `config-failed`. */
  | { readonly kind: 'load-config' }
  /** Full handshake with whatever holds the control port; answered by `relay-probed`. */
  | { readonly kind: 'probe-relay'; readonly generation: number }
  /** Bind the control port for the relays to come, and keep it; answered by `control-claimed`. */
  | { readonly kind: 'claim-control'; readonly generation: number }
  /** The system goes on without a relay of ours. */
  | { readonly kind: 'release-control' }
  /** Answered by `spawned` or `spawn-failed`, later `exited` and `extinct`. */
  | { readonly kind: 'spawn'; readonly service: ServiceName; readonly generation: number }
  /** One RTPP `V` or SIP OPTIONS within `limitMs`; answered by `checked`. */
  | {
      readonly kind: 'check';
      readonly service: ServiceName;
      readonly generation: number;
      readonly limitMs: number;
      /** The answer must come from the process that was spawned here. */
      readonly ownOnly: boolean;
    }
  /** RTP and RTCP both ways through a session of its own; answered by `media-proved`. */
  | { readonly kind: 'prove-media'; readonly generation: number }
  /** The same once in a while, with the relay's sessions counted; answered by `media-checked`. */
  | { readonly kind: 'check-media'; readonly generation: number }
  /** Note what can be seen from outside of a process that hangs, before it is killed. */
  | { readonly kind: 'inspect'; readonly service: ServiceName; readonly generation: number }
  /** Tell the IMS that another relay serves from now on: media sessions of the former one are gone. */
  | { readonly kind: 'tell-relay-up'; readonly epoch: number }
  /** Run the command that wants to know of another relay. */
  | { readonly kind: 'run-relay-hook' }
  /** Delete every session of our relay: the IMS that made them is gone. */
  | { readonly kind: 'purge-relay'; readonly generation: number }
  /** A service cannot live with the changed configuration: answered by `reconfigured` with the one before. */
  | { readonly kind: 'roll-back'; readonly service: ServiceName }
  /** Tell it to refuse new calls, or sessions, and to end after the last one. */
  | { readonly kind: 'drain'; readonly service: ServiceName; readonly generation: number }
  /** Ask it to stop: IPC `shutdown` where it understands it, else its stop command, or its signal. */
  | { readonly kind: 'request-stop'; readonly service: ServiceName; readonly generation: number }
  /** TERM to the members of the group that had none. */
  | { readonly kind: 'term-rest'; readonly service: ServiceName; readonly generation: number }
  | { readonly kind: 'kill-group'; readonly service: ServiceName; readonly generation: number }
  /** What left the incarnation's group: whatever carries its cookies. */
  | { readonly kind: 'kill-strays'; readonly service: ServiceName; readonly generation: number }
  /** Every group at once, synchronously. */
  | { readonly kind: 'kill-everything' }
  /** Kill whatever carries the run's cookie; answered by `swept`. */
  | { readonly kind: 'sweep' }
  /** Print the block that tells how to use the system. */
  | { readonly kind: 'announce' }
  | {
      readonly kind: 'report';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      /** Stable name, for example `relay.adopted`. */
      readonly event: string;
      readonly sentence: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  /** Close everything and end; exactly once, and last. */
  | { readonly kind: 'exit'; readonly exitCode: number; readonly failure: Failure | undefined };
