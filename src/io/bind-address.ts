/** The addresses of `-l` and `-6` as a socket can be bound to them. */
import { lookup } from 'node:dns/promises';
import { ImsError } from '../errors.ts';
import type { LocalAddress } from '../relay/local-addresses.ts';
import { type AddressFamily, familyOf } from '../wire/ip-address.ts';
import { AUTO_DETECT, defaultRouteAddress, isLocalAddress, localAddresses } from './server-address.ts';

export interface BindAddress {
  readonly family: AddressFamily;
  /** A literal, a name, `*` for any, or AUTO_DETECT. */
  readonly address: string;
  readonly advertised: string | undefined;
  readonly label: string | undefined;
}

export interface ResolvedBind {
  readonly local: LocalAddress;
  /** One sentence for the operator; undefined: all is as asked. */
  readonly warning: string | undefined;
}

/**
 * An address that is not one of this machine (the public side of a 1:1 NAT) is advertised, and the default route's
 * is bound: bound itself, it would fail at each call while the control socket answers.
 *
 * @throws ImsError IMS_ERR_ADDRESS for a name that does not resolve
 */
export async function resolveBindAddress(bind: BindAddress, namesAllowed: boolean): Promise<ResolvedBind> {
  const { family, label } = bind;
  if (bind.address === '*') {
    const address = family === 4 ? '0.0.0.0' : '::';
    return { local: { address, family, advertised: bind.advertised, label }, warning: undefined };
  }
  if (bind.address === AUTO_DETECT) {
    const address = await detect(family);
    return { local: { address, family, advertised: bind.advertised, label }, warning: undefined };
  }
  const asked = familyOf(bind.address) === family ? bind.address : await resolveName(bind, namesAllowed);
  if (isLocalAddress(asked)) {
    return { local: { address: asked, family, advertised: bind.advertised, label }, warning: undefined };
  }
  const address = await detect(family);
  const advertised = bind.advertised ?? asked;
  const warning =
    `${asked} is not an address of this machine: media ports are opened on ${address}, and ${advertised} is ` +
    'advertised (1:1 NAT). The NAT must pass the media ports through unchanged.';
  return { local: { address, family, advertised, label }, warning };
}

async function detect(family: AddressFamily): Promise<string> {
  const routed = await defaultRouteAddress(family);
  return (
    routed ?? localAddresses().find((address) => familyOf(address) === family) ?? (family === 4 ? '127.0.0.1' : '::1')
  );
}

async function resolveName({ address, family }: BindAddress, namesAllowed: boolean): Promise<string> {
  const flag = family === 4 ? '-l' : '-6';
  if (!namesAllowed || familyOf(address) !== undefined) {
    throw new ImsError('IMS_ERR_ADDRESS', `${flag} ${address} is not an IPv${family} address`);
  }
  try {
    return (await lookup(address, { family })).address;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new ImsError('IMS_ERR_ADDRESS', `${flag} ${address} does not resolve to an IPv${family} address (${code})`, {
      cause,
    });
  }
}
