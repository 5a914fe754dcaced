/**
 * The commands of the protocol by their first letter: how many words each takes, and whether modifiers (letters
 * after the verb) and subcommands (` && …`) may follow. The order of checks that reads it is in `command-line.ts`.
 */
export interface Verb {
  /** `VF` is a verb of its own. */
  readonly letter: 'U' | 'L' | 'D' | 'P' | 'S' | 'R' | 'C' | 'N' | 'Q' | 'V' | 'VF' | 'I' | 'G' | 'X';
  /** Words, the verb included. */
  readonly minWords: number;
  readonly maxWords: number;
  readonly modifiers: boolean;
  readonly subcommands: boolean;
  readonly usage: string;
}

export const VERBS = {
  U: {
    letter: 'U',
    minWords: 5,
    maxWords: 8,
    modifiers: true,
    subcommands: true,
    usage: 'U[mods] call_id addr port from_tag [to_tag] [notify_socket notify_tag]',
  },
  L: {
    letter: 'L',
    minWords: 5,
    maxWords: 6,
    modifiers: true,
    subcommands: true,
    usage: 'L[mods] call_id addr port from_tag [to_tag]',
  },
  D: {
    letter: 'D',
    minWords: 3,
    maxWords: 4,
    modifiers: true,
    subcommands: false,
    usage: 'D[w] call_id from_tag [to_tag]',
  },
  P: {
    letter: 'P',
    minWords: 5,
    maxWords: 6,
    modifiers: true,
    subcommands: false,
    usage: 'P[count] call_id prompt codecs from_tag [to_tag]',
  },
  S: {
    letter: 'S',
    minWords: 3,
    maxWords: 4,
    modifiers: false,
    subcommands: false,
    usage: 'S call_id from_tag [to_tag]',
  },
  R: {
    letter: 'R',
    minWords: 3,
    maxWords: 4,
    modifiers: true,
    subcommands: false,
    usage: 'R[s] call_id from_tag [to_tag]',
  },
  C: {
    letter: 'C',
    minWords: 4,
    maxWords: 5,
    modifiers: true,
    subcommands: false,
    usage: 'C[s][p] call_id target from_tag [to_tag]',
  },
  N: {
    letter: 'N',
    minWords: 3,
    maxWords: 4,
    modifiers: true,
    subcommands: false,
    usage: 'N[a] call_id from_tag [to_tag]',
  },
  Q: {
    letter: 'Q',
    minWords: 3,
    maxWords: 15,
    modifiers: true,
    subcommands: true,
    usage: 'Q[v] call_id from_tag [to_tag [counter …]]',
  },
  V: { letter: 'V', minWords: 1, maxWords: 1, modifiers: false, subcommands: false, usage: 'V' },
  VF: { letter: 'VF', minWords: 2, maxWords: 2, modifiers: false, subcommands: false, usage: 'VF date' },
  I: { letter: 'I', minWords: 1, maxWords: 1, modifiers: true, subcommands: false, usage: 'I[b][l]' },
  G: { letter: 'G', minWords: 1, maxWords: 30, modifiers: true, subcommands: false, usage: 'G[v] [counter …]' },
  X: { letter: 'X', minWords: 1, maxWords: 1, modifiers: false, subcommands: false, usage: 'X' },
} as const satisfies Record<string, Verb>;

export type VerbLetter = keyof typeof VERBS;

/** The verb of a command's first word and the letters that follow it, or undefined when no verb begins so. */
export function splitVerb(word: string): { readonly verb: Verb; readonly modifiers: string } | undefined {
  const first = word.charAt(0).toUpperCase();
  const letter = first === 'V' && word.charAt(1).toUpperCase() === 'F' ? 'VF' : first;
  const verb: Verb | undefined = Object.hasOwn(VERBS, letter) ? VERBS[letter as VerbLetter] : undefined;
  return verb === undefined ? undefined : { verb, modifiers: word.slice(letter.length) };
}
