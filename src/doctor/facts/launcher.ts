import type { ProcessFacts } from './holder.ts';

/** The `ims-launch` that runs with this configuration. */
export type LauncherFacts =
  | { readonly kind: 'absent' }
  /** It has its socket and does not answer, or may not be asked. */
  | { readonly kind: 'mute'; readonly reason: string; readonly owner: ProcessFacts | undefined }
  | {
      readonly kind: 'running';
      readonly pid: number;
      readonly verdict: string;
      readonly uptimeMs: number;
      /** When it said so, by the clock on the wall, milliseconds since 1970. */
      readonly toldTime: number;
      /** By the clock on the wall, milliseconds since 1970; undefined: it does not tell. */
      readonly startedTime: number | undefined;
      readonly relay: ServiceFacts;
      readonly ims: ServiceFacts;
    };

export interface ServiceFacts {
  readonly state: string;
  readonly pid: number | null;
  /** What it waits for, or why it failed. */
  readonly detail: string | null;
  /** Ends that nobody asked for, within `RECENT_MS`. */
  readonly recentEnds: number;
  /** How the last of them ended: `exit status 1`, `SIGSEGV`. */
  readonly lastEnd: string | undefined;
  /** The last line that it printed. */
  readonly lastLine: string | undefined;
}

/** Over how long ends are counted, milliseconds. */
export const RECENT_MS = 300_000;
