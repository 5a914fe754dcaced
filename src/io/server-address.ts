/** Which address phones are told, and which one the media ports are opened on. */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { ImsError } from '../errors.ts';
import { type AddressFamily, familyOf, isLoopback, isWildcard, sameAddress } from '../wire/ip-address.ts';

/** The text that stands for "find it out". */
export const AUTO_DETECT = 'AUTO_DETECT';

/** Documentation addresses (RFC 5737, RFC 3849): asking the routing table about them sends nothing to anyone. */
const ROUTE_PROBE_TARGET = { 4: '192.0.2.1', 6: '2001:db8::1' } as const;

export interface AddressQuestion {
  /** `SERVER_ADDR`: AUTO_DETECT, an IP address or a host name. */
  readonly serverAddr: string;
  /** `relay.bindAddress`: AUTO_DETECT or an IP address. */
  readonly bindAddress: string;
  /** `FORCE_LOCAL_ADDR` */
  readonly forceLocal: boolean;
  /** Where SERVER_ADDR was set, for the operator. */
  readonly origin: string;
}

export interface ServerAddress {
  /** IP address for SDP and Contact. */
  readonly advertised: string;
  /** Local IP address on which media ports are opened. */
  readonly bind: string;
  /** Why `advertised` is what it is, for example `SERVER_ADDR in config/config.json` or `default route`. */
  readonly source: string;
  readonly warnings: readonly string[];
}

/** @throws ImsError IMS_ERR_ADDRESS when a name does not resolve or `bindAddress` is not local. */
export async function resolveServerAddress(question: AddressQuestion): Promise<ServerAddress> {
  const warnings: string[] = [];
  const { advertised, source } = await advertisedAddress(question, warnings);
  const bind = await bindAddress(question, advertised, warnings);
  return { advertised, bind, source, warnings };
}

/** The address that the kernel would send from towards the default route, or undefined without one. */
export function defaultRouteAddress(family: AddressFamily): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
    const finish = (address: string | undefined): void => {
      socket.close();
      resolve(address !== undefined && !isWildcard(address) ? address : undefined);
    };
    socket.once('error', () => finish(undefined));
    // Connecting a UDP socket only asks the routing table: no packet leaves.
    socket.connect(9, ROUTE_PROBE_TARGET[family], () => finish(socket.address().address));
  });
}

/** Every address of this host that can be bound, loopback last. Link-local IPv6 is left out: it needs a zone. */
export function localAddresses(): string[] {
  const all = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter((entry) => entry.scopeid === undefined || entry.scopeid === 0)
    .map((entry) => entry.address);
  return [...all.filter((address) => !isLoopback(address)), ...all.filter((address) => isLoopback(address))];
}

/** Whether a socket can be bound to this literal. All of 127.0.0.0/8 is local although only 127.0.0.1 is listed. */
export function isLocalAddress(address: string): boolean {
  return (
    isWildcard(address) ||
    (familyOf(address) === 4 && isLoopback(address)) ||
    localAddresses().some((local) => sameAddress(local, address))
  );
}

async function advertisedAddress(
  question: AddressQuestion,
  warnings: string[],
): Promise<{ advertised: string; source: string }> {
  if (question.forceLocal) {
    return { advertised: '127.0.0.1', source: 'FORCE_LOCAL_ADDR' };
  }
  if (question.serverAddr !== AUTO_DETECT) {
    return { advertised: await toAddress(question.serverAddr, question.origin), source: question.origin };
  }
  const routed = await detectAddress();
  if (isLoopback(routed.address)) {
    warnings.push(
      'no address but the loopback one was found: only phones on this machine can call. ' +
        'Set SERVER_ADDR to the address that phones reach.',
    );
  }
  return { advertised: routed.address, source: routed.source };
}

async function detectAddress(): Promise<{ address: string; source: string }> {
  for (const family of [4, 6] as const) {
    const address = await defaultRouteAddress(family);
    if (address !== undefined && !isLoopback(address)) {
      return { address, source: 'AUTO_DETECT: the default route' };
    }
  }
  const candidates = localAddresses();
  const first = candidates.find((address) => !isLoopback(address) && familyOf(address) === 4) ?? candidates[0];
  return first === undefined || isLoopback(first)
    ? { address: '127.0.0.1', source: 'AUTO_DETECT: no network interface is up' }
    : { address: first, source: 'AUTO_DETECT: the first address, for there is no default route' };
}

async function toAddress(text: string, origin: string): Promise<string> {
  if (familyOf(text) !== undefined) {
    return text;
  }
  try {
    return (await lookup(text, { order: 'ipv4first' })).address;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new ImsError('IMS_ERR_ADDRESS', `the host name "${text}" (${origin}) does not resolve: ${code}`, { cause });
  }
}

async function bindAddress(question: AddressQuestion, advertised: string, warnings: string[]): Promise<string> {
  if (question.bindAddress !== AUTO_DETECT) {
    const asked = await toAddress(question.bindAddress, 'relay.bindAddress');
    if (!isLocalAddress(asked)) {
      throw new ImsError('IMS_ERR_ADDRESS', `relay.bindAddress ${asked} is not an address of this machine`);
    }
    return asked;
  }
  if (isLocalAddress(advertised)) {
    return advertised;
  }
  const local = (await detectAddress()).address;
  warnings.push(
    `${advertised} is not an address of this machine, so it is only advertised (1:1 NAT) and media is bound to ` +
      `${local}. The NAT must pass the SIP port and the media ports through unchanged.`,
  );
  return local;
}
