/**
 * The one socket that systemd passes (sd_listen_fds(3)): `LISTEN_FDS` of them begin at descriptor 3, meant for the process
 * `LISTEN_PID`. A datagram socket takes commands with cookies, a listening one (TCP or unix) lines.
 */
import { readlinkSync } from 'node:fs';
import { ImsError } from '../../errors.ts';
import { type AddressFamily, familyOf } from '../../wire/ip-address.ts';
import { inheritedSocket } from '../port-owner.ts';

const FIRST_FD = 3;

export type SystemdSocket =
  | { readonly kind: 'datagram'; readonly fd: number; readonly family: AddressFamily }
  | { readonly kind: 'stream'; readonly fd: number };

/** @throws ImsError IMS_ERR_BIND when there is none, or not one */
export function systemdSocket(env: NodeJS.ProcessEnv, pid: number): SystemdSocket {
  const { LISTEN_FDS: count = '0', LISTEN_PID: target = `${pid}` } = env;
  if (count !== '1' || target !== `${pid}` || !isSocket(FIRST_FD)) {
    const found = target === `${pid}` ? `LISTEN_FDS=${count}` : `LISTEN_PID=${target}, which is another process`;
    throw new ImsError(
      'IMS_ERR_BIND',
      `-s systemd: exactly one socket must be passed, and there is ${found}; start the service by a .socket unit with one ListenStream= or ListenDatagram=`,
    );
  }
  const bound = inheritedSocket(FIRST_FD);
  return bound === undefined
    ? { kind: 'stream', fd: FIRST_FD }
    : { kind: 'datagram', fd: FIRST_FD, family: familyOf(bound.address) ?? 4 };
}

function isSocket(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
  } catch {
    return false;
  }
}
