import type { CommandLine } from '../../rtpp/command-line.ts';
import { type Ecode, formatEcode } from '../../rtpp/ecodes.ts';
import type { Verb } from '../../rtpp/verbs.ts';
import type { PairOutcome, PairRequest } from '../plane.ts';
import type { PlayRequest } from '../playing/prompt.ts';
import type { TapRequest } from '../recording/tap.ts';
import type { RelayState } from '../state.ts';

/** One command that passed the checks of its line. */
export interface CommandCall {
  readonly now: number;
  readonly line: CommandLine;
  /** IP address of the sender; empty for local streams. */
  readonly host: string;
  /** Bytes that the reply may have, its LF left out. */
  readonly replyBytes: number;
}

export interface CommandOutcome {
  /** The reply without cookie and LF. */
  readonly text: string;
  /** For `ncmds_errs`; an unknown `L` fails with the text `0`. */
  readonly failed: boolean;
}

/**
 * A command that opens ports waits for each: it yields what it wants opened and is resumed with what became of it.
 * Commands run one after the other, so nothing else changes the state meanwhile but clocks and packets.
 */
export type Opening<T> = Generator<Wish, T, PairOutcome>;

/** What a command waits for. */
export type Wish =
  | { readonly kind: 'open'; readonly request: PairRequest }
  | { readonly kind: 'open-tap'; readonly request: TapRequest }
  | { readonly kind: 'play'; readonly request: PlayRequest };

/** Everything there is to know about a command; a new one is a file with a spec and a line in `index.ts`. */
export interface CommandSpec {
  readonly verb: Verb;
  readonly name: string;
  execute(state: RelayState, call: CommandCall): CommandOutcome | Opening<CommandOutcome>;
}

export function success(text: string): CommandOutcome {
  return { text, failed: false };
}

export function failure(code: Ecode): CommandOutcome {
  return { text: formatEcode(code), failed: true };
}
