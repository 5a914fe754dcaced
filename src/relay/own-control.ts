/**
 * Media must not become commands: whoever can signal an address, or send from one, could otherwise have the relay
 * write to its own control socket, where it is believed.
 */
import { familyOf, isLoopback, isMulticast, isWildcard, sameAddress } from '../wire/ip-address.ts';
import type { LocalAddress, LocalRoutes } from './local-addresses.ts';

const LIMITED_BROADCAST = '255.255.255.255';

/** Neither multicast nor the limited broadcast address: one host. */
export function isUnicast(address: string): boolean {
  return !isMulticast(address) && address !== LIMITED_BROADCAST;
}

/** What can be told to another thread. */
export interface OwnControlFacts {
  readonly ports: readonly number[];
  readonly addresses: readonly LocalAddress[];
}

/** The ports that take commands, on every address that leads to this host. */
export class OwnControl {
  readonly #ports: Set<number>;
  readonly #addresses: LocalAddress[];
  readonly #routes: LocalRoutes;
  readonly #onChange: (() => void)[] = [];

  constructor(ports: readonly number[], addresses: readonly LocalAddress[], routes: LocalRoutes) {
    this.#ports = new Set(ports);
    this.#addresses = [...addresses];
    this.#routes = routes;
  }

  get facts(): OwnControlFacts {
    return { ports: [...this.#ports], addresses: [...this.#addresses] };
  }

  /** Called whenever the facts have changed. */
  onChange(changed: () => void): void {
    this.#onChange.push(changed);
  }

  /** A control socket was opened on a port that only the system knew before. */
  add(port: number): void {
    if (!this.#ports.has(port)) {
      this.#ports.add(port);
      this.#changed();
    }
  }

  /** Media is opened here too from now on. */
  addAddress(address: LocalAddress): void {
    if (!this.#addresses.some((own) => own.address === address.address && own.advertised === address.advertised)) {
      this.#addresses.push(address);
      this.#changed();
    }
  }

  /** Whether RTP at this address, or RTCP one port above it, would reach a control socket. */
  readonly includes = (address: string, port: number): boolean =>
    (this.#ports.has(port) || this.#ports.has(port + 1)) && this.#leadsHere(address);

  #changed(): void {
    for (const changed of this.#onChange) {
      changed();
    }
  }

  #leadsHere(address: string): boolean {
    const family = familyOf(address);
    return (
      family !== undefined &&
      (isLoopback(address) ||
        isWildcard(address) ||
        this.#addresses.some((own) => own.advertised === address || sameAddress(own.address, address)) ||
        this.#routes.localAddressTowards(address, family) === address)
    );
  }
}
