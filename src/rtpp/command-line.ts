import { err, ok, type Result } from '../wire/result.ts';
import type { Ecode } from './ecodes.ts';
import { splitVerb, type Verb } from './verbs.ts';
import { splitCommand } from './words.ts';

/** A command whose verb, number of arguments and use of modifiers and subcommands are right. */
export interface CommandLine {
  readonly verb: Verb;
  /** The letters glued to the verb, as they came. */
  readonly modifiers: string;
  /** The words after the verb. */
  readonly args: readonly string[];
  /** Each one's words; the first begins with its verb. */
  readonly subcommands: readonly (readonly string[])[];
}

/**
 * The first five checks of a command, in the order that decides which error a bad one gets: words (E5), verb (E0),
 * argument count (E1), modifiers on a verb that has none (E2), subcommands on a verb that has none (E3).
 * The verb's own modifiers, the subcommands and the session come after these.
 */
export function parseCommandLine(text: string): Result<CommandLine, Ecode> {
  const commands = splitCommand(text);
  if (!commands.ok) {
    return commands;
  }
  const [[word = '', ...args] = [], ...subcommands] = commands.value;
  const split = splitVerb(word);
  if (split === undefined) {
    return err(0);
  }
  const { verb, modifiers } = split;
  const count = args.length + 1;
  if (count < verb.minWords || count > verb.maxWords) {
    return err(1);
  }
  if (modifiers !== '' && !verb.modifiers) {
    return err(2);
  }
  if (subcommands.length > 0 && !verb.subcommands) {
    return err(3);
  }
  return ok({ verb, modifiers, args, subcommands });
}
