import { formatTransportAddress, isLoopback, isPrivate, sameAddress } from '../../wire/ip-address.ts';
import { AccountGuard, type GuardOptions } from '../auth/account-guard.ts';
import { BanList, type BanOptions } from '../auth/ban-list.ts';
import type { DigestServer } from '../auth/digest-server.ts';
import type { Incoming } from '../b2bua/crossing.ts';
import { cloneRequest, type SipMessage, type SipRequest } from '../message/message.ts';
import { clientOf, type Flow } from '../transaction/flow.ts';
import type { Directory } from './directory.ts';
import { removeIdentity } from './identity.ts';
import type { MethodEffect, MethodHost } from './method.ts';

export interface GatekeeperOptions {
  readonly digest: DigestServer;
  readonly directory: Directory;
  /** Addresses whose requests need no digest. */
  readonly trustedPeers: readonly string[];
  readonly bans: BanOptions;
  readonly guard: GuardOptions;
}

export type Admission =
  | { readonly kind: 'admitted' }
  /** The answer that was made of it: a challenge, or a refusal. */
  | { readonly kind: 'refused'; readonly effects: readonly MethodEffect[] };

/** Who may register and call: users with their password, and trusted peers by their address. */
export class Gatekeeper {
  readonly #options: GatekeeperOptions;
  readonly bans: BanList;
  readonly guard: AccountGuard;
  #trustedPeers: readonly string[];

  constructor(options: GatekeeperOptions) {
    this.#options = options;
    this.#trustedPeers = options.trustedPeers;
    this.bans = new BanList(options.bans);
    this.guard = new AccountGuard(options.guard);
  }

  setTrustedPeers(addresses: readonly string[]): void {
    this.#trustedPeers = addresses;
  }

  /** Who guessed too many passwords gets no answer at all, so that guessing on is of no use. */
  shutsOut(now: number, flow: Flow): boolean {
    return this.bans.isBanned(now, clientOf(flow).address) && !this.#isExempt(flow);
  }

  isTrustedPeer(flow: Flow): boolean {
    const { address } = clientOf(flow);
    return this.#trustedPeers.some((peer) => sameAddress(peer, address));
  }

  /**
   * The request as it may cross: without the credentials that were for us, which the callee could replay (RFC 3261
   * 22.3), and without what the sender says of identities unless he is trusted to. Headers are a copy.
   */
  letThrough<T extends { readonly request: SipRequest; readonly flow: Flow }>(incoming: T): T {
    const request = cloneRequest(incoming.request);
    this.#options.digest.removeOwnCredentials(request.headers);
    this.purgeIdentity(request, incoming.flow);
    return { ...incoming, request };
  }

  /** Takes out of a message what its sender says of identities, unless he is trusted to (RFC 3325 5). */
  purgeIdentity({ headers }: SipMessage, flow: Flow): void {
    if (!this.isTrustedPeer(flow)) {
      removeIdentity(headers);
    }
  }

  /**
   * Whether the sender is `user`. A user who does not exist gets the same answers as one with another password.
   * `way`: `www` challenges with 401 as a registrar does, `proxy` with 407 (RFC 3261 22.2, 22.3).
   */
  admit(server: MethodHost, incoming: Incoming, user: string, way: 'www' | 'proxy'): Admission {
    const { digest, directory } = this.#options;
    const { request, flow } = incoming;
    const role = way === 'www' ? 'registrar' : 'proxy';
    const client = clientOf(flow);
    const outcome = digest.verify(server.now, request, {
      role,
      lookup: (username) => directory.account(username),
      owns: (username) => username === user,
      source: client.address,
    });
    const remote = formatTransportAddress(client);
    const denied = (reason: string): MethodEffect => ({ kind: 'denied', user, remote, method: request.method, reason });
    const challenge = (stale: boolean): MethodEffect =>
      server.refuse(incoming, way === 'www' ? 401 : 407, {
        headers: digest.challenge(server.now, role, stale, client.address),
      });
    switch (outcome.kind) {
      case 'accepted':
        if (this.#isShut(server, incoming, user)) {
          // As to a wrong password: nobody finds out by guessing that this one is right.
          return { kind: 'refused', effects: [challenge(false), denied('account guarded')] };
        }
        this.bans.succeeded(server.now, client.address);
        this.guard.succeeded(user, client.address);
        if (directory.account(user)?.isPublished === true && !isNearby(flow)) {
          const reason = `the published password of ${user} opens only to this machine and private networks; change it`;
          return {
            kind: 'refused',
            effects: [server.respond(incoming, 403, { reason }), denied('published password')],
          };
        }
        return { kind: 'admitted' };
      case 'challenge':
        return { kind: 'refused', effects: [challenge(outcome.stale)] };
      case 'rejected':
        return {
          kind: 'refused',
          effects: [
            challenge(false),
            denied('unknown user or wrong password'),
            ...(outcome.proven ? this.#countFailure(server.now, flow, user) : []),
          ],
        };
      case 'not-owner': {
        const reason = `${outcome.username} may not speak for ${user === '' ? 'a name of another domain' : user}`;
        return { kind: 'refused', effects: [server.respond(incoming, 403, { reason }), denied('not the owner')] };
      }
    }
  }

  #countFailure(now: number, flow: Flow, user: string): MethodEffect[] {
    if (this.#isExempt(flow)) {
      return [];
    }
    const ban = this.bans.failed(now, clientOf(flow).address);
    const guarded = this.guard.failed(now, user);
    return [
      ...(ban === undefined ? [] : [{ kind: 'banned', ban } as const]),
      ...(guarded === undefined ? [] : [{ kind: 'guarded', guarded } as const]),
    ];
  }

  /** Phones that are registered, and those that were let in before, are let in. */
  #isShut({ now, registrar }: MethodHost, { flow }: Incoming, user: string): boolean {
    const { address } = clientOf(flow);
    return (
      this.guard.isShut(now, user, address) &&
      !this.#isExempt(flow) &&
      !registrar.lookup(now, user).some((binding) => sameAddress(clientOf(binding.flow).address, address))
    );
  }

  #isExempt(flow: Flow): boolean {
    return isLoopback(clientOf(flow).address) || this.isTrustedPeer(flow);
  }
}

/** This machine, whatever its own address is, or a network that the Internet does not reach. */
function isNearby(flow: Flow): boolean {
  const { address } = clientOf(flow);
  return isLoopback(address) || isPrivate(address) || sameAddress(address, flow.sentBy.address);
}
