/** Where a client finds a relay's control socket, as clients of rtpproxy write it. */
import { assertNever } from '../wire/assert-never.ts';
import { type AddressFamily, familyOf, formatHost, isPort } from '../wire/ip-address.ts';
import { err, ok, type Result } from '../wire/result.ts';

export type RelayAddress =
  | {
      readonly kind: 'udp' | 'tcp';
      /** Undefined: whatever the name resolves to. */
      readonly family: AddressFamily | undefined;
      /** IP literal without brackets, or a name. */
      readonly host: string;
      readonly port: number;
    }
  /** `unix`: a connection a command. `cunix`: lines on one connection. */
  | { readonly kind: 'unix' | 'cunix'; readonly path: string };

/** Longest path that a sockaddr_un holds on Linux, its NUL left out. */
const MAX_UNIX_PATH_BYTES = 107;

const FORMS = 'udp:HOST:PORT, udp6:HOST:PORT, tcp:HOST:PORT, tcp6:HOST:PORT, unix:PATH or cunix:PATH';

/**
 * `udp:192.0.2.7:7722`, `unix:/run/rtpproxy.sock`…: split at the last colon as rtpproxy does; an IPv6 address may have
 * brackets. The error is a sentence.
 */
export function parseRelayAddress(text: string): Result<RelayAddress, string> {
  const path = /^(c?unix):(.+)$/s.exec(text);
  if (path !== null) {
    const [, kind, socket = ''] = path;
    return new TextEncoder().encode(socket).length > MAX_UNIX_PATH_BYTES || socket.includes('\0')
      ? err(`"${text}" is longer than the ${MAX_UNIX_PATH_BYTES} bytes that the path of a socket may have`)
      : ok({ kind: kind === 'cunix' ? 'cunix' : 'unix', path: socket });
  }
  const [, prefix, bracketed, bare, port] = /^(udp6?|tcp6?):(?:\[(.+)\]|(.+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? bare;
  if (prefix === undefined || host === undefined || /[\s[\]]/.test(host)) {
    return err(`"${text}" is no control socket: write ${FORMS}`);
  }
  if (!isPort(Number(port)) || Number(port) === 0) {
    return err(`"${text}": ${port} is not a port`);
  }
  const family = prefix.endsWith('6') ? 6 : undefined;
  if (family === 6 && familyOf(host) === 4) {
    return err(`"${text}": ${host} is not an IPv6 address`);
  }
  return ok({ kind: prefix.startsWith('udp') ? 'udp' : 'tcp', family, host, port: Number(port) });
}

/** For logs and people; `parseRelayAddress` takes it back. */
export function formatRelayAddress(address: RelayAddress): string {
  switch (address.kind) {
    case 'udp':
    case 'tcp':
      return `${address.kind}${address.family === 6 ? '6' : ''}:${formatHost(address.host)}:${address.port}`;
    case 'unix':
    case 'cunix':
      return `${address.kind}:${address.path}`;
    default:
      return assertNever(address);
  }
}
