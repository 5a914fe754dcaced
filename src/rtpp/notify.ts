/** Time-out notification: what `-n` and the end of a `U` say about who is told. */
import { familyOf } from '../wire/ip-address.ts';
import { err, ok, type Result } from '../wire/result.ts';
import type { Ecode } from './ecodes.ts';

/** Where a notification goes: the relay is the client and connects. */
export type NotifyAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** A line of `-n`: an address, or the literal `tcp:%%CC_SELF%%:port`, which stands for whoever sent the command. */
export type NotifyTarget = NotifyAddress | { readonly kind: 'sender'; readonly port: number };

const SENDER = '%%CC_SELF%%';

/** `unix:path`, `tcp:IPv4:port`, `tcp:%%CC_SELF%%:port`; anything else is the path of a unix socket. */
export function parseNotifyTarget(text: string): Result<NotifyTarget, string> {
  if (!text.startsWith('tcp:')) {
    const path = text.startsWith('unix:') ? text.slice('unix:'.length) : text;
    return path === '' || path.includes('\0')
      ? err(`"${text}" names no socket: write unix:path or tcp:address:port`)
      : ok({ kind: 'unix', path });
  }
  const [, host = '', digits = ''] = /^tcp:(.*):([0-9]{1,5})$/s.exec(text) ?? [];
  const port = Number(digits);
  if (port < 1 || port > 65_535) {
    return err(`"${text}" has no port from 1 to 65535: write tcp:address:port`);
  }
  if (host === SENDER) {
    return ok({ kind: 'sender', port });
  }
  return familyOf(host) === 4
    ? ok({ kind: 'tcp', host, port })
    : err(`"${text}": give an IPv4 address, or ${SENDER} for the sender of the command`);
}

/** Two texts that name the same target: a bare path is a unix socket. */
export function sameNotifyTarget(one: NotifyTarget, other: NotifyTarget): boolean {
  return formatNotifyTarget(one) === formatNotifyTarget(other);
}

export function formatNotifyTarget(target: NotifyTarget): string {
  switch (target.kind) {
    case 'unix':
      return `unix:${target.path}`;
    case 'tcp':
      return `tcp:${target.host}:${target.port}`;
    case 'sender':
      return `tcp:${SENDER}:${target.port}`;
  }
}

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
