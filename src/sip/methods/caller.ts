import { formatHost } from '../../wire/ip-address.ts';
import type { Incoming } from '../b2bua/crossing.ts';
import { from as fromField } from '../message/headers/from.ts';
import { assertIdentity } from './identity.ts';
import type { MethodEffect, MethodHost } from './method.ts';

export type Caller =
  /** `user` is undefined for a trusted peer. `incoming` is the request as it may cross. */
  | { readonly kind: 'admitted'; readonly user: string | undefined; readonly incoming: Incoming }
  | { readonly kind: 'refused'; readonly effects: readonly MethodEffect[] };

/** Finds out who asks: a trusted peer by its address, anybody else is a user and proves it (RFC 3261 22.3). */
export function callerOf(server: MethodHost, incoming: Incoming): Caller {
  const { request, flow } = incoming;
  if (server.gatekeeper.isTrustedPeer(flow)) {
    return { kind: 'admitted', user: undefined, incoming: server.gatekeeper.letThrough(incoming) };
  }
  const from = server.directory.resolve(request.headers.read(fromField)?.uri ?? '');
  // A name that is not ours is asked for a password like any other: who is no user of ours learns nothing else.
  const user = from.kind === 'local' ? from.user : '';
  const verdict = server.gatekeeper.admit(server, incoming, user, 'proxy');
  if (verdict.kind !== 'admitted') {
    return verdict;
  }
  const passed = server.gatekeeper.letThrough(incoming);
  assertIdentity(passed.request.headers, user, formatHost(flow.sentBy.address));
  return { kind: 'admitted', user, incoming: passed };
}
