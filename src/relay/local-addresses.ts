import { type AddressFamily, familyOf, isWildcard, sameAddress } from '../wire/ip-address.ts';

/** An address on which media ports are opened. */
export interface LocalAddress {
  readonly address: string;
  readonly family: AddressFamily;
  /** What replies say instead, behind a 1:1 NAT. */
  readonly advertised: string | undefined;
  /** The name by which the modifier `L{label}` finds it. */
  readonly label: string | undefined;
}

/** What the system knows of its own addresses. */
export interface LocalRoutes {
  /** The local address that packets to `peer` would come from. */
  localAddressTowards(peer: string, family: AddressFamily): string | undefined;
}

/** The addresses of a relay and how a command chooses among them. */
export class LocalAddresses {
  #configured: readonly LocalAddress[];
  readonly #routes: LocalRoutes;
  #internal: LocalAddress;
  readonly external: LocalAddress | undefined;

  constructor(addresses: readonly LocalAddress[], external: LocalAddress | undefined, routes: LocalRoutes) {
    const [internal] = addresses;
    if (internal === undefined) {
      throw new Error('a relay needs at least one bind address');
    }
    this.#internal = internal;
    this.external = external;
    this.#configured = external === undefined ? addresses : [internal, external, ...addresses.slice(1)];
    this.#routes = routes;
  }

  /** The default; in bridging mode the inner network. */
  get internal(): LocalAddress {
    return this.#internal;
  }

  /** Another address takes the place of the default. Legs keep the one that they were opened on. */
  moveTo(address: LocalAddress): void {
    this.#configured = this.#configured.map((entry) => (entry === this.#internal ? address : entry));
    this.#internal = address;
  }

  get bridging(): boolean {
    return this.external !== undefined;
  }

  byLabel(label: string): LocalAddress | undefined {
    return this.#configured.find((entry) => entry.label === label);
  }

  /** A configured entry if there is one (it knows what is advertised), else the address itself. */
  byAddress(address: string, family: AddressFamily): LocalAddress | undefined {
    if (familyOf(address) !== family) {
      return undefined;
    }
    const known = this.#configured.find((entry) => sameAddress(entry.address, address));
    return known ?? { address, family, advertised: undefined, label: undefined };
  }

  towards(peer: string, family: AddressFamily): LocalAddress | undefined {
    if (familyOf(peer) !== family) {
      return undefined;
    }
    const local = this.#routes.localAddressTowards(peer, family);
    return local === undefined ? undefined : this.byAddress(local, family);
  }

  /** The last one configured of a family. */
  newestOf(family: AddressFamily): LocalAddress | undefined {
    return this.#configured.findLast((entry) => entry.family === family);
  }
}

/** What a reply reports for a leg: undefined when the client knows better, the leg being bound to all addresses. */
export function reportedAddress(local: LocalAddress): string | undefined {
  return local.advertised ?? (isWildcard(local.address) ? undefined : local.address);
}
