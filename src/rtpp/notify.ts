import { err, ok, type Result } from '../wire/result.ts';
import type { Ecode } from './ecodes.ts';

/** Undoes `%XX` and `+` in the notify tag of a `U`; E10 for an escape that is none. */
export function decodeNotifyTag(text: string): Result<string, Ecode> {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) {
    return err(10);
  }
  return ok(
    text
      .replaceAll('+', ' ')
      .replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  );
}
