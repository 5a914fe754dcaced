/** Before a relay says that it is ready: can a media port be opened on each of its addresses? */
import { createSocket } from 'node:dgram';
import { ImsError } from '../../errors.ts';
import type { LocalAddress } from '../../relay/local-addresses.ts';
import { pairPorts } from '../../relay/port-table.ts';
import type { RelaySettings } from '../../relay/settings.ts';
import { formatHost } from '../../wire/ip-address.ts';

/**
 * Opens the lowest media port on each address for a moment: what would fail at each call fails now. A port that is
 * taken is no fault of the address.
 *
 * @throws ImsError IMS_ERR_BIND naming the flag
 */
export async function testMediaAddresses(settings: RelaySettings): Promise<void> {
  const { addresses, external } = settings;
  const [port = 0] = pairPorts({ ...settings, reserved: settings.reservedPorts });
  for (const local of external === undefined ? addresses : [...addresses, external]) {
    const error = await bindError(local, port);
    if (error !== undefined && error.code !== 'EADDRINUSE') {
      const flag = `${local.family === 6 ? '-6' : '-l'} ${local.address}`;
      const place = `${formatHost(local.address)}:${port}`;
      throw new ImsError('IMS_ERR_BIND', `${flag}: no media port can be opened on ${place}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }
}

function bindError({ address, family }: LocalAddress, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', ipv6Only: family === 6, reuseAddr: false });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      resolve(error);
    });
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EADDRNOTAVAIL':
      return 'the address is not one of this machine, or not ready yet (EADDRNOTAVAIL)';
    case 'EAFNOSUPPORT':
      return 'this system has no such addresses: IPv6 is switched off (EAFNOSUPPORT)';
    case 'EACCES':
    case 'EPERM':
      return `the system does not permit it; ports below 1024 need a privilege, take higher ones with -m and -M (${code})`;
    case 'EMFILE':
    case 'ENFILE':
      return `too many files are open; raise the hard limit with ulimit -Hn (${code})`;
    case 'EINVAL':
      return 'an address of one link (fe80::…) needs its interface, which cannot be given here (EINVAL)';
    default:
      return code ?? message;
  }
}
