/** Whose names are ours: domains, users, static routes. */
import { familyOf, isLoopback, sameAddress } from '../../wire/ip-address.ts';
import type { UserSecret } from '../auth/digest-server.ts';
import type { CallTarget } from '../b2bua/branch.ts';
import { parseUri, unescapeUri } from '../message/uri.ts';
import type { Flow } from '../transaction/flow.ts';

export type Account = UserSecret & {
  readonly user: string;
  /** The password was published with the program: it opens the door only to this machine and private networks. */
  readonly isPublished: boolean;
};

export interface StaticRoute {
  /** A user part that begins with this goes there. */
  readonly prefix: string;
  readonly host: string;
  readonly flow: Flow;
}

export interface DirectoryOptions {
  readonly accounts: ReadonlyMap<string, Account>;
  /** Domain names and addresses served, in addition to the loopback ones. */
  readonly domains: readonly string[];
}

/** Where a URI leads, as seen from here. */
export type Destination =
  /** One of our names: `user` may be registered, may have an account, or may be neither. */
  | { readonly kind: 'local'; readonly user: string }
  /** The server itself: a URI without a user. */
  | { readonly kind: 'server' }
  | { readonly kind: 'foreign'; readonly host: string }
  /** Neither sip: nor tel:. */
  | { readonly kind: 'unsupported'; readonly scheme: string };

export class Directory {
  #accounts: ReadonlyMap<string, Account> = new Map();
  #names: ReadonlySet<string> = new Set();
  #addresses: readonly string[] = [];
  /** The longest prefix first. */
  #routes: readonly StaticRoute[] = [];

  constructor(options: DirectoryOptions) {
    this.reconfigure(options);
  }

  reconfigure(options: DirectoryOptions): void {
    this.#accounts = options.accounts;
    const domains = options.domains.map((domain) => domain.toLowerCase());
    this.#names = new Set(domains.filter((domain) => familyOf(domain) === undefined));
    this.#addresses = domains.filter((domain) => familyOf(domain) !== undefined);
  }

  /** Routes as their host names resolve now. */
  setRoutes(routes: readonly StaticRoute[]): void {
    this.#routes = [...routes].sort((a, b) => b.prefix.length - a.prefix.length);
  }

  account(user: string): Account | undefined {
    return this.#accounts.get(user);
  }

  /** A user is the same whatever name of ours stands behind the `@`, so the AOR is the user part alone. */
  resolve(uri: string): Destination {
    const parsed = parseUri(uri);
    if (!parsed.ok) {
      return { kind: 'unsupported', scheme: '' };
    }
    const value = parsed.value;
    switch (value.kind) {
      case 'sip':
        if (!this.isOurs(value.host)) {
          return { kind: 'foreign', host: value.host };
        }
        return value.user === undefined ? { kind: 'server' } : { kind: 'local', user: unescapeUri(value.user) };
      case 'tel':
        return { kind: 'local', user: value.number.replace(/[-.()]/g, '') };
      case 'other':
        return { kind: 'unsupported', scheme: value.scheme };
    }
  }

  isOurs(host: string): boolean {
    const lower = host.toLowerCase().replace(/\.$/, '');
    if (familyOf(lower) === undefined) {
      return lower === 'localhost' || this.#names.has(lower);
    }
    return isLoopback(lower) || this.#addresses.some((address) => sameAddress(address, lower));
  }

  /** The static route for a user who is not registered here: the longest prefix wins. */
  route(user: string): CallTarget | undefined {
    const route = this.#routes.find(({ prefix }) => user.startsWith(prefix));
    return route === undefined ? undefined : { uri: `sip:${encodeURIComponent(user)}@${route.host}`, flow: route.flow };
  }
}
