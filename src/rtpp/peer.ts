import {
  type AddressFamily,
  canonicalAddress,
  familyOf,
  isWildcard,
  type TransportAddress,
} from '../wire/ip-address.ts';
import { err, ok, type Result } from '../wire/result.ts';
import type { Ecode } from './ecodes.ts';

/**
 * What a command says about a party's address. `hold` (0.0.0.0 or ::) and `absent` both leave the last known
 * address in use.
 */
export type PeerAddress =
  | { readonly kind: 'address'; readonly target: TransportAddress }
  | { readonly kind: 'hold' }
  | { readonly kind: 'absent' };

/** Outside these lengths an address is not looked at: `*`, host names, IPv6 without the modifier 6. */
const ADDRESS_LENGTH = { 4: { min: 7, max: 15 }, 6: { min: 2, max: 45 } } as const;

/** The address and port words of `U` and `L`; E37 when they do not parse. Ports above 65535 wrap, as they always did. */
export function parsePeer(address: string, port: string, family: AddressFamily): Result<PeerAddress, Ecode> {
  const { min, max } = ADDRESS_LENGTH[family];
  if (address.length < min || address.length > max) {
    return ok({ kind: 'absent' });
  }
  const canonical = canonicalAddress(address);
  if (canonical === undefined || familyOf(canonical) !== family || !/^[0-9]{1,15}$/.test(port)) {
    return err(37);
  }
  if (isWildcard(address)) {
    return ok({ kind: 'hold' });
  }
  return ok({ kind: 'address', target: { address: canonical, port: Number(port) % 65536 } });
}
