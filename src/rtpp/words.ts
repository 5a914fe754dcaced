/**
 * Splitting commands into words. Text here is bytes read as latin1: call ids and tags are opaque, compared byte by
 * byte. There is no quoting: words are separated by runs of space, tab, CR and LF; a word that is exactly `&&`
 * separates subcommands.
 */
import { err, ok, type Result } from '../wire/result.ts';
import type { Ecode } from './ecodes.ts';

/** A longer datagram is cut here; a longer line ends its connection. */
export const MAX_COMMAND_BYTES = 8191;

/** Words of one (sub)command, verb included. */
export const MAX_WORDS = 23;

export const MAX_SUBCOMMANDS = 15;

const SEPARATOR = '&&';
const BLANKS = /[ \t\r\n]+/;

export function splitWords(text: string): string[] {
  return text.split(BLANKS).filter((word) => word !== '');
}

/** The main command's words, then those of each subcommand; never empty lists. Fails with E5 only. */
export function splitCommand(text: string): Result<readonly (readonly string[])[], Ecode> {
  if (text.includes('\0')) {
    return err(5);
  }
  const commands: string[][] = [[]];
  for (const word of splitWords(text)) {
    if (word === SEPARATOR) {
      commands.push([]);
    } else {
      commands.at(-1)?.push(word);
    }
  }
  const sane =
    commands.length <= MAX_SUBCOMMANDS + 1 && commands.every(({ length }) => length > 0 && length <= MAX_WORDS);
  return sane ? ok(commands) : err(5);
}

/**
 * A datagram's cookie (its first word) and the rest. Every datagram with a word has a cookie: `V` alone is the
 * cookie `V` without a command. Undefined: nothing but blanks.
 */
export function splitCookie(text: string): { readonly cookie: string; readonly command: string } | undefined {
  const [, cookie, command] = /^[ \t\r\n]*([^ \t\r\n]+)([\s\S]*)$/.exec(text) ?? [];
  return cookie === undefined || command === undefined ? undefined : { cookie, command };
}
