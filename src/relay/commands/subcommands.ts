/**
 * What may follow `U`, `L` and `Q` after ` && `. All are parsed before anything happens, so an E3 never leaves a
 * session behind; they run from left to right until one fails.
 */
import type { Ecode } from '../../rtpp/ecodes.ts';
import { joinResults } from '../../rtpp/reply.ts';
import { assertNever } from '../../wire/assert-never.ts';
import { err, ok, type Result } from '../../wire/result.ts';
import { otherSide, type Side } from '../plane.ts';
import type { Session } from '../session.ts';
import type { RelayState } from '../state.ts';
import { dropReference } from './delete.ts';
import { reportKeys } from './dtmf.ts';
import { type ForkSource, fork } from './fork.ts';
import type { Opening } from './spec.ts';
import { ensureLeg, parseStreamOptions, reportLeg, type StreamOptions, updateParty } from './stream.ts';

export type Subcommand =
  | { readonly kind: 'delete'; readonly weak: boolean }
  | { readonly kind: 'set'; readonly reverse: boolean; readonly variable: 'ttl' | 'tos'; readonly value: number }
  | { readonly kind: 'answer'; readonly options: StreamOptions }
  /** Copy another session into this one. */
  | { readonly kind: 'copy'; readonly source: ForkSource }
  /** Report the keys that the party presses; the words are looked at when it runs. */
  | { readonly kind: 'keys'; readonly words: readonly string[] };

/** The command that the subcommands follow. */
export interface MainCommand {
  readonly verb: 'U' | 'L' | 'Q';
  /** A `U` with a to_tag: `L` and `C` may follow. */
  readonly answerable: boolean;
}

export interface SubcommandContext {
  readonly session: Session;
  /** The leg that faces the party which the main command is about. */
  readonly party: Side;
}

const FAILED = '-1';

/** Module 3 of rtpproxy, its first instance; other modules are not there. */
const DTMF_MODULE = /^0*3:0*1$/;

/** Any mistake in any of them is E3. */
export function parseSubcommands(
  state: RelayState,
  commands: readonly (readonly string[])[],
  main: MainCommand,
): Result<readonly Subcommand[], Ecode> {
  const parsed: Subcommand[] = [];
  for (const words of commands) {
    const subcommand = parseSubcommand(state, words, main);
    if (subcommand === undefined) {
      return err(3);
    }
    parsed.push(subcommand);
  }
  return ok(parsed);
}

/** The main reply, completed with what the subcommands said. */
export function* runSubcommands(
  state: RelayState,
  now: number,
  mainReply: string,
  context: SubcommandContext,
  subcommands: readonly Subcommand[],
): Opening<string> {
  const results: (string | undefined)[] = [];
  let current = context;
  for (const subcommand of subcommands) {
    const alive = state.sessions.byId(current.session.id) !== undefined;
    const result = alive ? yield* run(state, now, current, subcommand) : FAILED;
    results.push(result);
    if (result === FAILED) {
      break;
    }
    if (subcommand.kind === 'answer') {
      current = { ...current, party: otherSide(current.party) };
    }
  }
  return joinResults(mainReply, results);
}

function parseSubcommand(state: RelayState, words: readonly string[], main: MainCommand): Subcommand | undefined {
  const [word = '', ...args] = words;
  const modifiers = word.slice(1).toUpperCase();
  switch (word.charAt(0).toUpperCase()) {
    case 'D':
      return args.length === 0 && /^W*$/.test(modifiers) ? { kind: 'delete', weak: modifiers !== '' } : undefined;
    case 'S': {
      const [, variable, digits] = /^(ttl|tos)=([0-9]{1,9})$/.exec(args[0] ?? '') ?? [];
      const value = Number(digits);
      return args.length === 1 && (modifiers === '' || modifiers === 'R') && value > 0
        ? { kind: 'set', reverse: modifiers === 'R', variable: variable === 'tos' ? 'tos' : 'ttl', value }
        : undefined;
    }
    case 'L': {
      const [address, port] = args;
      if (!main.answerable || args.length !== 2 || address === undefined || port === undefined) {
        return undefined;
      }
      const options = parseStreamOptions(state.addresses, word.slice(1), address, port);
      return options.ok ? { kind: 'answer', options: options.value } : undefined;
    }
    case 'C': {
      const [callId = '', fromTag = '', toTag = ''] = args;
      return main.answerable && args.length === 3 && modifiers === ''
        ? { kind: 'copy', source: { callId, fromTag, toTag } }
        : undefined;
    }
    case 'M':
      return DTMF_MODULE.test(modifiers) ? { kind: 'keys', words: args } : undefined;
    default:
      return undefined;
  }
}

/** Undefined: done, with nothing to say. */
function* run(
  state: RelayState,
  now: number,
  { session, party }: SubcommandContext,
  subcommand: Subcommand,
): Opening<string | undefined> {
  switch (subcommand.kind) {
    case 'delete':
      dropReference(state, now, { session, index: 0 }, subcommand.weak);
      return undefined;
    case 'set': {
      const side = subcommand.reverse ? otherSide(party) : party;
      if (subcommand.variable === 'ttl') {
        session.setTtl(now, side, subcommand.value);
        return undefined;
      }
      return setTos(state, session, side, subcommand.value);
    }
    case 'answer': {
      const far = otherSide(party);
      updateParty(state, now, session, far, subcommand.options);
      return (yield* ensureLeg(state, now, session, party, subcommand.options)) ? reportLeg(session, party) : FAILED;
    }
    case 'copy':
      return fork(state, session, party, subcommand.source) ? undefined : FAILED;
    case 'keys':
      return reportKeys(state, session, party, subcommand.words) ? undefined : FAILED;
    default:
      return assertNever(subcommand);
  }
}

/** IPv6 legs have no TOS byte. On a plane that cannot set it the value is kept, and the line below says so. */
function setTos(state: RelayState, session: Session, side: Side, tos: number): string | undefined {
  const leg = session.legs[side];
  if (leg.local.family === 6 || tos > 255) {
    return FAILED;
  }
  leg.tos = tos;
  state.emit({ kind: 'tos', session: session.id, side, tos });
  if (!state.canSetTos) {
    state.log.debug({ callId: session.callId }, 'TOS noted; this plane cannot set it');
  }
  return undefined;
}
