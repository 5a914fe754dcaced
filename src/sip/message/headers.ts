import { ok, type ParseError, type Result } from '../../wire/result.ts';
import { splitList } from './grammar.ts';
import type { HeaderField } from './headers/field.ts';
import { canonicalKey, isListHeader } from './headers/table.ts';

/**
 * The header fields of one message, in their order, each with the spelling that it came with (RFC 3261 7.3.1). Names
 * compare without case, and a compact form equals its full name. A value never holds CR, LF or NUL.
 */
export class Headers {
  /** Parallel lists, one place a field line: cheaper than a list of objects at the rate of messages. */
  #names: string[];
  #keys: string[];
  #values: string[];
  /** What `read` parsed, by header; dropped when a field of that name changes. */
  #parsed: Map<HeaderField<unknown>, unknown> | undefined;

  constructor(fields: Iterable<readonly [name: string, value: string]> = []) {
    this.#names = [];
    this.#keys = [];
    this.#values = [];
    for (const [name, value] of fields) {
      this.append(name, value);
    }
  }

  /** The number of field lines. */
  get size(): number {
    return this.#names.length;
  }

  has(name: string): boolean {
    return this.#keys.includes(canonicalKey(name));
  }

  /** The first field's value as it came (a list header's whole line), or undefined. */
  get(name: string): string | undefined {
    const index = this.#keys.indexOf(canonicalKey(name));
    return index < 0 ? undefined : this.#values[index];
  }

  /** Every value of that name in order; the values of a header that the table calls a list are split at commas. */
  getAll(name: string): string[] {
    const key = canonicalKey(name);
    const split = isListHeader(key);
    const values: string[] = [];
    for (let i = 0; i < this.#keys.length; i++) {
      if (this.#keys[i] === key) {
        const value = this.#values[i] as string;
        if (split) {
          for (const part of splitList(value)) {
            values.push(part);
          }
        } else {
          values.push(value);
        }
      }
    }
    return values;
  }

  /** Every field line's value of that name as it came, lists unsplit: for copying. */
  getLines(name: string): string[] {
    const key = canonicalKey(name);
    return this.#values.filter((_, index) => this.#keys[index] === key);
  }

  /** How many field lines bear that name; a comma-separated list counts as one. */
  count(name: string): number {
    const key = canonicalKey(name);
    return this.#keys.reduce((count, candidate) => (candidate === key ? count + 1 : count), 0);
  }

  /** Replaces every field of that name by one, at the place of the first; appends it when there was none. */
  set(name: string, value: string): this {
    const key = canonicalKey(name);
    const index = this.#keys.indexOf(key);
    if (index < 0) {
      return this.append(name, value);
    }
    this.#removeFrom(key, index + 1);
    this.#names[index] = name;
    this.#values[index] = singleLine(value);
    this.#parsed = undefined;
    return this;
  }

  append(name: string, value: string): this {
    this.#names.push(name);
    this.#keys.push(canonicalKey(name));
    this.#values.push(singleLine(value));
    this.#parsed = undefined;
    return this;
  }

  /** `append` for a value that is known to be one trimmed line; gives the key of the name. For the parser. */
  appendRaw(name: string, value: string): string {
    const key = canonicalKey(name);
    this.#names.push(name);
    this.#keys.push(key);
    this.#values.push(value);
    return key;
  }

  /** The key of the first field that matches and stands on more than one line. */
  firstRepeated(matches: (key: string) => boolean): string | undefined {
    return this.#keys.find((key, index) => matches(key) && this.#keys.lastIndexOf(key) !== index);
  }

  /** Puts the field before the first one of its name, or before all others when there is none: Via, Record-Route. */
  prepend(name: string, value: string): this {
    const key = canonicalKey(name);
    const index = Math.max(0, this.#keys.indexOf(key));
    this.#names.splice(index, 0, name);
    this.#keys.splice(index, 0, key);
    this.#values.splice(index, 0, singleLine(value));
    this.#parsed = undefined;
    return this;
  }

  /** Removes every field of that name; false when there was none. */
  remove(name: string): boolean {
    return this.#removeFrom(canonicalKey(name), 0);
  }

  /** Replaces the first value of that name, keeping the others: a stamped top Via, a popped Route (undefined). */
  replaceFirst(name: string, value: string | undefined): this {
    const key = canonicalKey(name);
    const index = this.#keys.indexOf(key);
    if (index < 0) {
      return value === undefined ? this : this.append(name, value);
    }
    const rest = isListHeader(key) ? splitList(this.#values[index] as string).slice(1) : [];
    const values = value === undefined ? rest : [singleLine(value), ...rest];
    if (values.length === 0) {
      this.#names.splice(index, 1);
      this.#keys.splice(index, 1);
      this.#values.splice(index, 1);
    } else {
      this.#values[index] = values.join(', ');
    }
    this.#parsed = undefined;
    return this;
  }

  /** Field lines in order: the name as it was spelled, the value unfolded and without surrounding blanks. */
  *entries(): IterableIterator<[name: string, value: string]> {
    for (let i = 0; i < this.#names.length; i++) {
      yield [this.#names[i] as string, this.#values[i] as string];
    }
  }

  [Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    return this.entries();
  }

  clone(): Headers {
    const copy = new Headers();
    copy.#names = this.#names.slice();
    copy.#keys = this.#keys.slice();
    copy.#values = this.#values.slice();
    return copy;
  }

  /**
   * The first value, parsed; undefined when the header is absent or malformed. In a message that `parseMessage` let
   * through, Via, From, To, Call-ID and CSeq are never undefined. What is returned is kept: do not change it.
   */
  read<T>(header: HeaderField<T>): T | undefined {
    const cached = this.#parsed?.get(header);
    if (cached !== undefined) {
      return cached as T;
    }
    const result = this.parseFirst(header);
    return result?.ok ? result.value : undefined;
  }

  /** Like `read`, and says what is wrong with a malformed value. */
  parseFirst<T>(header: HeaderField<T>): Result<T, ParseError> | undefined {
    const text = this.get(header.name);
    if (text === undefined) {
      return undefined;
    }
    const first = header.list ? (splitList(text, 1)[0] ?? '') : text;
    const result = header.parse(first);
    if (result.ok) {
      this.#parsed ??= new Map();
      this.#parsed.set(header, result.value);
    }
    return result;
  }

  /** Every value, parsed, or the first fault. An absent header is an empty list. */
  readAll<T>(header: HeaderField<T>): Result<readonly T[], ParseError> {
    const values: T[] = [];
    for (const text of this.getAll(header.name)) {
      const result = header.parse(text);
      if (!result.ok) {
        return result;
      }
      values.push(result.value);
    }
    return ok(values);
  }

  /** `set` with the value formatted by the header's own file. */
  write<T>(header: HeaderField<T>, value: T): this {
    return this.set(header.name, header.format(value));
  }

  #removeFrom(key: string, start: number): boolean {
    let kept = start;
    for (let i = start; i < this.#keys.length; i++) {
      if (this.#keys[i] !== key) {
        this.#names[kept] = this.#names[i] as string;
        this.#keys[kept] = this.#keys[i] as string;
        this.#values[kept] = this.#values[i] as string;
        kept++;
      }
    }
    const removed = kept < this.#keys.length;
    this.#names.length = kept;
    this.#keys.length = kept;
    this.#values.length = kept;
    this.#parsed = undefined;
    return removed;
  }
}

/** Whatever a value was made from, it stays inside its line: no header can be smuggled in through it. */
function singleLine(value: string): string {
  return /[\r\n\0]/.test(value) ? value.replace(/[\r\n\0]+[ \t]*/g, ' ').trim() : value;
}
