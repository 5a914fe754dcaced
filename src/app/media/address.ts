/** Where a relay's media port is bound, as opposed to the address that it tells phones. */
import { boundSockets } from '../../io/port-owner.ts';
import { isLocalAddress } from '../../io/server-address.ts';
import { familyOf, isWildcard, sameAddress, type TransportAddress } from '../../wire/ip-address.ts';

export interface MediaAddressQuestion {
  /** Port of the reply to `U` or `L`. */
  readonly port: number;
  /** Address of the same reply; undefined: the relay is bound to all. */
  readonly told: string | undefined;
  /** The relay's control socket. */
  readonly control: TransportAddress;
}

/**
 * The address to send to so that the packet meets the relay's socket. For a relay of this host it is read from
 * the table of bound sockets; for one elsewhere, or in a network namespace of its own, what it says must do.
 */
export function boundMediaAddress({ port, told, control }: MediaAddressQuestion): string {
  const held = isLocalAddress(control.address) ? holdersOf(port) : [];
  // The same port number may be held on several addresses, and only one of the sockets is the relay's.
  if (told !== undefined && !isWildcard(told) && held.some((address) => sameAddress(address, told))) {
    return told;
  }
  const bound =
    held.find((address) => sameAddress(address, control.address)) ??
    held.find((address) => !isWildcard(address)) ??
    held[0];
  if (bound !== undefined) {
    return isWildcard(bound) ? loopbackOf(bound) : bound;
  }
  // A relay may tell a name; only an address says where it leads.
  if (
    told !== undefined &&
    familyOf(told) !== undefined &&
    (isLocalAddress(told) || !isLocalAddress(control.address))
  ) {
    return told;
  }
  return control.address;
}

/** Addresses on which somebody holds the port; where somebody holds the RTCP port above it, too, only those. */
function holdersOf(port: number): string[] {
  const sockets = boundSockets('udp');
  const addressesOf = (wanted: number): string[] => {
    return sockets.filter((socket) => socket.port === wanted).map((socket) => socket.address);
  };
  const held = addressesOf(port);
  const withRtcp = addressesOf(port + 1);
  const pairs = held.filter((address) => withRtcp.includes(address));
  return pairs.length > 0 ? pairs : held;
}

function loopbackOf(wildcard: string): string {
  return familyOf(wildcard) === 6 ? '::1' : '127.0.0.1';
}
