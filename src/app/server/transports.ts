/** Every socket on which ims-server speaks SIP: by transport and by address family. */
import type { Config } from '../../config/schema.ts';
import { randomIds } from '../../io/random-ids.ts';
import { localAddresses, type ServerAddress } from '../../io/server-address.ts';
import { CertificateFiles } from '../../io/sip/certificate-files.ts';
import { openSipStreamTransport } from '../../io/sip/stream-transport.ts';
import type { SipTransport } from '../../io/sip/transport.ts';
import { openSipUdpTransport, type SipUdpTransportOptions } from '../../io/sip/udp-transport.ts';
import { openSipWebSocketTransport } from '../../io/sip/web-socket-transport.ts';
import type { Log } from '../../observe/log.ts';
import type { Flow, FlowTransport } from '../../sip/transaction/flow.ts';
import {
  type AddressFamily,
  familyOf,
  isLoopback,
  isWildcard,
  sameAddress,
  type TransportAddress,
} from '../../wire/ip-address.ts';

export class SipTransports {
  readonly all: readonly SipTransport[];
  /** Of the TLS ports; undefined: there are none. */
  readonly certificate: CertificateFiles | undefined;

  /**
   * On all IPv4 addresses, and on all IPv6 ones where the system has IPv6.
   *
   * @param advertised may change as long as they are open
   * @param names by which phones and browsers may call this server; may change, too
   * @throws ImsError IMS_ERR_PORT_IN_USE, IMS_ERR_BIND, IMS_ERR_CONFIG_INVALID; nothing is left open then
   */
  static async open(
    config: Config,
    address: ServerAddress,
    advertised: () => TransportAddress,
    log: Log,
    names: () => readonly string[],
  ): Promise<SipTransports> {
    const ids = randomIds();
    const { tcp, tlsPort, wsPort, wssPort, wsOrigins, wsTrustedProxies, maxConnections, tlsCertificate, tlsKey } =
      config.ims;
    const certificate =
      tlsPort === null && wssPort === null
        ? undefined
        : new CertificateFiles({ certificate: tlsCertificate, key: tlsKey }, log);
    const tls = certificate?.current;
    const origins = { origins: wsOrigins, names };
    const opened: SipTransport[] = [];
    try {
      for (const host of hostsToBind(address)) {
        const sentBy = (remote: TransportAddress, local: TransportAddress): TransportAddress =>
          reachedAt(remote, local, advertised());
        // The port is another one than that of UDP, and nobody advertises a second.
        const sentByOwnPort = (remote: TransportAddress, local: TransportAddress): TransportAddress => {
          return { address: reachedAt(remote, local, advertised()).address, port: local.port };
        };
        const common = { host, port: config.SERVER_PORT, ids, log, maxConnections };
        opened.push(...(await openUdp({ ...common, sentBy }, ownAddress(host, address))));
        if (tcp) {
          opened.push(await openSipStreamTransport({ ...common, kind: 'tcp', sentBy }));
        }
        if (tlsPort !== null && tls !== undefined) {
          opened.push(
            await openSipStreamTransport({ ...common, kind: 'tls', port: tlsPort, tls, sentBy: sentByOwnPort }),
          );
        }
        const web = { ...common, origins, trustedProxies: wsTrustedProxies, sentBy: sentByOwnPort };
        if (wsPort !== null) {
          opened.push(await openSipWebSocketTransport({ ...web, kind: 'ws', port: wsPort }));
        }
        if (wssPort !== null && tls !== undefined) {
          opened.push(await openSipWebSocketTransport({ ...web, kind: 'wss', port: wssPort, tls }));
        }
      }
    } catch (error) {
      certificate?.close();
      await Promise.all(opened.map((transport) => transport.close()));
      throw error;
    }
    return new SipTransports(opened, certificate);
  }

  private constructor(all: readonly SipTransport[], certificate: CertificateFiles | undefined) {
    this.all = all;
    this.certificate = certificate;
    certificate?.onChange((another) => {
      for (const transport of all) {
        transport.useCertificate?.(another);
      }
    });
  }

  /** Undefined: no such transport is open here. */
  flowTo(remote: TransportAddress, kind: FlowTransport): Flow | undefined {
    const family = familyOf(remote.address);
    const fitting = this.all.filter((transport) => transport.kind === kind);
    const ofFamily = fitting.filter(({ local }) => familyOf(local.address) === family);
    // From an address of its own, unless the peer is one that only this machine reaches.
    const own = ofFamily.find(({ local }) => {
      return !isWildcard(local.address) && isLoopback(local.address) === isLoopback(remote.address);
    });
    return (own ?? ofFamily[0] ?? fitting[0])?.flowTo(remote);
  }

  async close(): Promise<void> {
    this.certificate?.close();
    await Promise.all(this.all.map((transport) => transport.close()));
  }
}

/** What phones are told: SERVER_PUBLIC_PORT, if a NAT maps the port. */
export function advertisedAddress(config: Config, { advertised }: ServerAddress): TransportAddress {
  return { address: advertised, port: config.SERVER_PUBLIC_PORT ?? config.SERVER_PORT };
}

function hostsToBind(address: ServerAddress): string[] {
  const wildcards: Record<AddressFamily, string> = { 4: '0.0.0.0', 6: '::' };
  const first = familyOf(address.bind) ?? 4;
  const second = first === 4 ? 6 : 4;
  const hasSecond = localAddresses().some((local) => familyOf(local) === second);
  return hasSecond ? [wildcards[first], wildcards[second]] : [wildcards[first]];
}

/**
 * The address that phones are told, where it is not the one that the system would answer from by itself: a second one
 * of the network card, or one that moves between hosts. Undefined: one socket for all does.
 */
function ownAddress(wildcard: string, { bind }: ServerAddress): string | undefined {
  const family = familyOf(bind);
  if (family !== familyOf(wildcard) || isWildcard(bind)) {
    return undefined;
  }
  if (isLoopback(bind)) {
    return bind === '127.0.0.1' || bind === '::1' ? undefined : bind;
  }
  const others = localAddresses().filter((local) => familyOf(local) === family && !isLoopback(local));
  return others.length > 1 && others.some((local) => sameAddress(local, bind)) ? bind : undefined;
}

/** Over UDP an answer leaves from the address that its request was sent to only by a socket of that address. */
async function openUdp(options: SipUdpTransportOptions, own: string | undefined): Promise<SipTransport[]> {
  const alone = await openSipUdpTransport(options);
  if (own === undefined) {
    return [alone];
  }
  // Nobody else has the port: now it can be shared between the two of ours.
  await alone.close();
  const all = await openSipUdpTransport({ ...options, shared: true });
  try {
    return [all, await openSipUdpTransport({ ...options, host: own, shared: true })];
  } catch (error) {
    await all.close();
    throw error;
  }
}

/** What Via and Contact name: to this machine its loopback address, to all others the advertised one. */
function reachedAt(remote: TransportAddress, local: TransportAddress, advertised: TransportAddress): TransportAddress {
  const family = familyOf(remote.address);
  if (isLoopback(remote.address) && !isWildcard(local.address)) {
    return local;
  }
  if (isLoopback(remote.address)) {
    return { address: family === 6 ? '::1' : '127.0.0.1', port: local.port };
  }
  if (familyOf(advertised.address) === family) {
    return advertised;
  }
  const other = localAddresses().find((candidate) => familyOf(candidate) === family && !isLoopback(candidate));
  return other === undefined ? advertised : { address: other, port: local.port };
}
