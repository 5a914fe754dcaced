import { ImsError } from '../../errors.ts';
import { formatTransportAddress, type TransportAddress } from '../../wire/ip-address.ts';
import { describeOwner, portOwner } from '../port-owner.ts';

/** What an operator is told when a SIP port cannot be opened. Anything unforeseen comes back as it is. */
export function sipBindError(protocol: 'udp' | 'tcp', local: TransportAddress, cause: unknown): Error {
  const where = `${protocol} ${formatTransportAddress(local)}`;
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE': {
      const owner = describeOwner(portOwner(protocol, local.port, local.address));
      return new ImsError('IMS_ERR_PORT_IN_USE', `the SIP port ${where} is held by ${owner}`, { cause });
    }
    case 'EADDRNOTAVAIL':
      return new ImsError('IMS_ERR_BIND', `cannot listen for SIP on ${where}: not an address of this machine`, {
        cause,
      });
    case 'EACCES':
      return new ImsError('IMS_ERR_BIND', `cannot listen for SIP on ${where}: permission denied`, { cause });
    default:
      return cause instanceof Error ? cause : new Error(String(cause));
  }
}
