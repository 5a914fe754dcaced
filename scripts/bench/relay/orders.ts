/** What the bench says to the load generator's process, and what comes back. */
import type { Call, CallCounts, GeneratorOptions, Oddities } from './generator.ts';
import type { TaskCost } from './process-cost.ts';

export type Order =
  | { readonly kind: 'open'; readonly options: GeneratorOptions }
  | { readonly kind: 'start'; readonly calls: readonly Call[] }
  /** No more packets of these calls; answered when all have arrived, or after so long. */
  | { readonly kind: 'stop'; readonly slots: readonly number[]; readonly drainMs: number }
  /** Counts from here on, packets as well as the CPU of these processes; at another pace where one is given. */
  | { readonly kind: 'mark'; readonly pids: readonly number[]; readonly rtpIntervalUs?: number | undefined }
  /** The end of the measured time: nothing more is sent, until the next `mark` if it is resumable; answered when nothing more arrives. */
  | { readonly kind: 'finish'; readonly resumable: boolean };

export type Answer =
  /** Ports of each slot's caller and callee. */
  | { readonly kind: 'open'; readonly ports: readonly (readonly [number, number])[] }
  | { readonly kind: 'start' }
  | { readonly kind: 'stop'; readonly counts: readonly CallCounts[] }
  | { readonly kind: 'mark' }
  | { readonly kind: 'finish'; readonly measured: Measured };

export interface Numbered<T> {
  readonly id: number;
  readonly message: T;
}

export interface Measured {
  readonly seconds: number;
  readonly rtp: CallCounts;
  readonly rtcp: CallCounts;
  /** Of `rtp` and `rtcp` together, those that had arrived when the measured time was over. */
  readonly receivedInTime: number;
  /** Arrived so late that a phone had no use for them, after `TOO_LATE_MS`. */
  readonly tooLate: number;
  readonly odd: Oddities;
  readonly delayUs: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
  /** CPU of the processes named at the mark, by task, in the measured time. */
  readonly tasks: readonly TaskCost[];
  /** Time that the processors of this machine were not idle, all together, in the measured time. */
  readonly busyMs: number;
  /** Time of the kernel's threads for packets that nobody's system call took, in the measured time. */
  readonly ksoftirqdMs: number;
  readonly generator: {
    readonly cpuMs: number;
    readonly latenessUs: { readonly p50: number; readonly p99: number; readonly max: number };
    /** Lost by our own sockets. */
    readonly drops: number;
  };
}

/** Longer than a phone's jitter buffer waits. */
export const TOO_LATE_MS = 200;
