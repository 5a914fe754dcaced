/** The outcome of a function that a peer's bytes can make fail: data, never an exception. */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function err<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}

/** Why bytes could not be parsed, and where. */
export interface ParseError {
  /** Stable name of the rule that was broken, for example `bad-cseq`. */
  readonly code: string;
  /** Byte (or character) offset into the input at which the rule was found broken; -1 when it has no place. */
  readonly offset: number;
  /** The paragraph that states the rule, for example `RFC 3261 20.16`. */
  readonly section: string;
}
