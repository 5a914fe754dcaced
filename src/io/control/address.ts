/** The argument of `-s`: where commands come from. */
import { err, ok, type Result } from '../../wire/result.ts';

export const DEFAULT_CONTROL = 'unix:/var/run/rtpproxy.sock';
export const DEFAULT_CONTROL_PORT = 22222;

export type ControlAddress =
  /** One command a connection. */
  | { readonly kind: 'unix'; readonly path: string }
  /** Lines on a connection that stays open. */
  | { readonly kind: 'cunix'; readonly path: string }
  | { readonly kind: 'udp' | 'tcp'; readonly family: 4 | 6; readonly host: string; readonly port: number }
  /** `endsAlways`: end of file drains the relay whatever other sockets there are. */
  | { readonly kind: 'stdio'; readonly endsAlways: boolean }
  /** A socket from systemd (LISTEN_FDS): listening, or bound for datagrams. */
  | { readonly kind: 'systemd' }
  /** A bound UDP socket that the parent process opened. `port`: 0 where the system does not tell it beforehand. */
  | { readonly kind: 'udp-fd'; readonly fd: number; readonly family: 4 | 6; readonly port: number };

/** Longest path that a sockaddr_un holds on Linux, its NUL left out. */
const MAX_UNIX_PATH_BYTES = 107;

/** Errors are sentences. A text with an unknown prefix is a path, as in rtpproxy. */
export function parseControlAddress(text: string): Result<ControlAddress, string> {
  const [, prefix = '', rest = ''] = /^(unix|cunix|udp6?|tcp6?|stdioc?|systemd):(.*)$/s.exec(text) ?? [];
  switch (prefix) {
    case 'udp':
    case 'udp6':
    case 'tcp':
    case 'tcp6':
      return parseHostPort(prefix.startsWith('udp') ? 'udp' : 'tcp', prefix.endsWith('6') ? 6 : 4, rest);
    case 'stdio':
    case 'stdioc':
      return ok({ kind: 'stdio', endsAlways: prefix === 'stdioc' });
    case 'systemd':
      return ok({ kind: 'systemd' });
    default: {
      const path = prefix === '' ? text : rest;
      if (path === '' || Buffer.byteLength(path) > MAX_UNIX_PATH_BYTES) {
        return err(`-s ${text}: a socket path has 1 to ${MAX_UNIX_PATH_BYTES} bytes`);
      }
      return ok({ kind: prefix === 'cunix' ? 'cunix' : 'unix', path });
    }
  }
}

/** `udp:127.0.0.1:7722`, for logs. */
export function formatControlAddress(address: ControlAddress): string {
  switch (address.kind) {
    case 'unix':
    case 'cunix':
      return `${address.kind}:${address.path}`;
    case 'udp':
    case 'tcp':
      return `${address.kind}${address.family === 6 ? '6' : ''}:${address.host}:${address.port}`;
    case 'udp-fd':
      return `fd:${address.fd}`;
    default:
      return `${address.kind}:`;
  }
}

/** Split at the last colon, so an IPv6 host needs its port written; brackets are not understood, as in rtpproxy. */
function parseHostPort(kind: 'udp' | 'tcp', family: 4 | 6, text: string): Result<ControlAddress, string> {
  const colon = text.lastIndexOf(':');
  const host = colon === -1 ? text : text.slice(0, colon);
  const portText = colon === -1 ? '' : text.slice(colon + 1);
  const port = portText === '' ? DEFAULT_CONTROL_PORT : Number(portText);
  if (host === '') {
    return err(`-s ${kind}:${text}: the host is missing; write ${kind}:127.0.0.1:${DEFAULT_CONTROL_PORT}`);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    return err(`-s ${kind}:${text}: "${portText}" is not a port`);
  }
  return ok({ kind, family, host: host === '*' ? (family === 4 ? '0.0.0.0' : '::') : host, port });
}
