import { formatHost } from '../../wire/ip-address.ts';
import type { Incoming } from '../b2bua/crossing.ts';
import { from as fromField } from '../message/headers/from.ts';
import { cloneRequest, type SipRequest } from '../message/message.ts';
import { escapeUser } from '../message/uri.ts';
import type { MethodEffect, MethodHost } from './method.ts';

export type Caller =
  /** `user` is undefined for a trusted peer. `incoming` is the request as it may cross. */
  | { readonly kind: 'admitted'; readonly user: string | undefined; readonly incoming: Incoming }
  | { readonly kind: 'refused'; readonly effects: readonly MethodEffect[] };

/** Finds out who asks: a trusted peer by its address, anybody else is a user and proves it (RFC 3261 22.3). */
export function callerOf(server: MethodHost, incoming: Incoming): Caller {
  const { request, flow } = incoming;
  if (server.gatekeeper.isTrustedPeer(flow.remote.address)) {
    return { kind: 'admitted', user: undefined, incoming: { ...incoming, request: withoutCredentials(request) } };
  }
  const from = server.directory.resolve(request.headers.read(fromField)?.uri ?? '');
  // A name that is not ours is asked for a password like any other: who is no user of ours learns nothing else.
  const user = from.kind === 'local' ? from.user : '';
  const verdict = server.gatekeeper.admit(server, incoming, user, 'proxy');
  if (verdict.kind !== 'admitted') {
    return verdict;
  }
  const passed = withoutCredentials(request);
  assertIdentity(passed, user, formatHost(flow.sentBy.address));
  return { kind: 'admitted', user, incoming: { ...incoming, request: passed } };
}

/** Our credentials end here (RFC 3261 22.3): the callee has no use for them, and could replay them. */
export function withoutCredentials(request: SipRequest): SipRequest {
  const copy = cloneRequest(request);
  copy.headers.remove('Authorization');
  copy.headers.remove('Proxy-Authorization');
  return copy;
}

/** Who calls is what we have verified (RFC 3325 5), unless the caller wants it kept (RFC 3323 4.2). */
function assertIdentity({ headers }: SipRequest, user: string, host: string): void {
  const wantsPrivacy =
    headers
      .get('Privacy')
      ?.toLowerCase()
      .split(/[;\s]+/)
      .includes('id') ?? false;
  headers.remove('P-Asserted-Identity');
  headers.remove('P-Preferred-Identity');
  if (!wantsPrivacy) {
    headers.append('P-Asserted-Identity', `<sip:${escapeUser(user)}@${host}>`);
  }
}
