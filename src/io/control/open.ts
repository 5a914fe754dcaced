import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { ImsError } from '../../errors.ts';
import { assertNever } from '../../wire/assert-never.ts';
import { describeOwner, portOwner } from '../port-owner.ts';
import { type ControlAddress, formatControlAddress } from './address.ts';
import type { ControlHandler, ControlSocket } from './control-socket.ts';
import { openStdioControl } from './stdio-control.ts';
import { openStreamControl } from './stream-control.ts';
import { systemdSocket } from './systemd-socket.ts';
import { openUdpControl } from './udp-control.ts';

/** @throws ImsError IMS_ERR_PORT_IN_USE naming the program that holds the port, or IMS_ERR_BIND */
export async function openControl(address: ControlAddress, handler: ControlHandler): Promise<ControlSocket> {
  try {
    return await open(address, handler);
  } catch (cause) {
    throw cause instanceof ImsError ? cause : explain(address, cause as NodeJS.ErrnoException);
  }
}

async function open(address: ControlAddress, handler: ControlHandler): Promise<ControlSocket> {
  const name = formatControlAddress(address);
  switch (address.kind) {
    case 'unix':
    case 'cunix': {
      const kind = address.kind === 'unix' ? 'one-shot' : 'lines';
      return await openStreamControl({ kind, listen: { path: address.path }, name }, handler);
    }
    case 'tcp': {
      const { host, port, family } = address;
      return await openStreamControl({ kind: 'lines', listen: { host, port, ipv6Only: family === 6 }, name }, handler);
    }
    case 'udp': {
      const { host, port, family } = address;
      return await openUdpControl({ family, bind: { address: host, port } }, handler);
    }
    case 'udp-fd':
      return await openUdpControl({ family: address.family, bind: { fd: address.fd } }, handler);
    case 'stdio':
      return openStdioControl(process.stdin, process.stdout, handler);
    case 'systemd': {
      const passed = systemdSocket(process.env, process.pid);
      return passed.kind === 'datagram'
        ? await openUdpControl({ family: passed.family, bind: { fd: passed.fd } }, handler)
        : await openStreamControl({ kind: 'lines', listen: { fd: passed.fd }, name }, handler);
    }
    default:
      return assertNever(address);
  }
}

function explain(address: ControlAddress, cause: NodeJS.ErrnoException): ImsError {
  const name = formatControlAddress(address);
  if (cause.code === 'EADDRINUSE' && (address.kind === 'udp' || address.kind === 'tcp')) {
    const owner = describeOwner(portOwner(address.kind, address.port, address.host));
    return new ImsError('IMS_ERR_PORT_IN_USE', `-s ${name}: the port is held by ${owner}`, { cause });
  }
  // libuv reports a missing directory as EACCES.
  if ('path' in address && !existsSync(dirname(address.path))) {
    return new ImsError('IMS_ERR_BIND', `-s ${name}: the directory ${dirname(address.path)} does not exist`, { cause });
  }
  return new ImsError('IMS_ERR_BIND', `-s ${name}: cannot be opened (${cause.code ?? cause.message})`, { cause });
}
