/** Command lines in the manner of getopt_long(3), which scripts for rtpproxy are written for. */
import { err, ok, type Result } from '../wire/result.ts';

export interface OptionSpec {
  readonly short?: string;
  /** Without the dashes; `_` and `-` are the same in it. */
  readonly long?: string;
  /** `optional`: only as `--name=value`. */
  readonly argument: 'none' | 'required' | 'optional';
}

export interface GivenOption<Spec extends OptionSpec> {
  readonly spec: Spec;
  /** As it was written, for messages: `-l` or `--plane`. */
  readonly flag: string;
  /** Empty without an argument. */
  readonly value: string;
}

/** The options in the order given. Errors are sentences. Words that are no options are an error, too. */
export function getopt<Spec extends OptionSpec>(
  argv: readonly string[],
  specs: readonly Spec[],
): Result<readonly GivenOption<Spec>[], string> {
  const given: GivenOption<Spec>[] = [];
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--' && words.length === 0) {
      break;
    }
    if (!word.startsWith('-') || word.length === 1 || word === '--') {
      return err(`"${word}" is not an option; nothing but options is taken`);
    }
    const option = word.startsWith('--') ? readLong(word, words, specs) : readShort(word, words, specs);
    if (!option.ok) {
      return option;
    }
    given.push(option.value);
  }
  return ok(given);
}

function readLong<Spec extends OptionSpec>(
  word: string,
  rest: string[],
  specs: readonly Spec[],
): Result<GivenOption<Spec>, string> {
  const [, name = '', value] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  const wanted = name.replaceAll('_', '-');
  const named = specs.filter(({ long }) => long !== undefined);
  const exact = named.find(({ long }) => long?.replaceAll('_', '-') === wanted);
  const similar = named.filter(({ long }) => wanted !== '' && long?.replaceAll('_', '-').startsWith(wanted));
  const spec = exact ?? (similar.length === 1 ? similar[0] : undefined);
  const flag = `--${name}`;
  if (spec === undefined) {
    return err(`unknown option ${flag}`);
  }
  if (spec.argument === 'none') {
    return value === undefined ? ok({ spec, flag, value: '' }) : err(`${flag} takes no value`);
  }
  const argument = value ?? (spec.argument === 'required' ? rest.shift() : '');
  return argument === undefined ? err(`${flag} needs a value`) : ok({ spec, flag, value: argument });
}

/** `-fF` and `-m10000` are two options and one with its value; what follows the first is put back. */
function readShort<Spec extends OptionSpec>(
  word: string,
  rest: string[],
  specs: readonly Spec[],
): Result<GivenOption<Spec>, string> {
  const letter = word.charAt(1);
  const glued = word.slice(2);
  const flag = `-${letter}`;
  const spec = specs.find(({ short }) => short === letter);
  if (spec === undefined) {
    return err(`unknown option ${flag}`);
  }
  if (spec.argument !== 'required') {
    if (glued !== '') {
      rest.unshift(`-${glued}`);
    }
    return ok({ spec, flag, value: '' });
  }
  const value = glued === '' ? rest.shift() : glued;
  return value === undefined ? err(`${flag} needs a value`) : ok({ spec, flag, value });
}
