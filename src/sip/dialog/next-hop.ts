import { familyOf, isLoopback, isMulticast, isPrivate, isWildcard, sameAddress } from '../../wire/ip-address.ts';
import { parseSipUriOrUndefined } from '../message/uri.ts';
import { defaultPort, type Flow, isReliable, isWebSocket } from '../transaction/flow.ts';

/**
 * The flow for a request to `target` (the first route, or the remote target) of a peer whose messages come from
 * `flow`. RFC 3261 says: to the address in the URI. Behind a NAT that address leads nowhere, so the flow is kept
 *
 * - when the URI has a name (resolving it is for trunks, which are configured by address),
 * - when it has an address that the peer cannot have as seen from here: private or loopback, and not the source,
 * - when it names many hosts, none, or this machine, in a route too: our requests are not to be aimed there,
 * - when it has the source's address with another port, and the peer said with `rport` that it is symmetric,
 * - when it is that of a WebSocket: a browser takes no connections, whatever its Contact says (RFC 7118 5.1),
 * - when it has the address that our connection leads to: another one is opened only when that one is gone.
 */
export function nextHop(
  flow: Flow,
  target: string,
  peer: { readonly symmetric: boolean; readonly isRoute: boolean },
): Flow {
  const uri = parseSipUriOrUndefined(target);
  if (uri === undefined || familyOf(uri.host) === undefined || familyOf(uri.host) !== familyOf(flow.remote.address)) {
    return flow;
  }
  if (isWebSocket(flow)) {
    return flow;
  }
  const isOwn = isLoopback(uri.host) && !isLoopback(flow.remote.address);
  if (isOwn || isMulticast(uri.host) || isWildcard(uri.host)) {
    return flow;
  }
  const port = uri.port ?? (uri.scheme === 'sips' ? 5061 : defaultPort(flow));
  const remote = { address: uri.host, port };
  if (isReliable(flow) && sameAddress(uri.host, flow.remote.address)) {
    return { ...flow, listens: remote };
  }
  if (peer.isRoute) {
    return { ...flow, remote };
  }
  if (sameAddress(uri.host, flow.remote.address)) {
    return peer.symmetric || port === flow.remote.port ? flow : { ...flow, remote };
  }
  const behindNat = isPrivate(uri.host);
  return behindNat ? flow : { ...flow, remote };
}
