import type { CallTarget } from '../b2bua/branch.ts';
import type { Incoming } from '../b2bua/crossing.ts';
import { formatUri } from '../message/uri.ts';
import type { MethodHost } from './method.ts';

export type Routing =
  | { readonly kind: 'targets'; readonly targets: readonly CallTarget[] }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string };

/**
 * Where a request for somebody goes: to all devices of a registered user, else by a static route. A caller who is no
 * user of ours (a trusted peer) reaches only users of ours: this server relays for nobody else.
 */
export function routeRequest(server: MethodHost, { request }: Incoming, callerIsUser: boolean): Routing {
  const destination = server.directory.resolve(request.uri);
  switch (destination.kind) {
    case 'unsupported':
      return refused(416, 'only sip:, sips: and tel: URIs are understood');
    case 'server':
      return refused(404, 'the Request-URI names no user');
    case 'foreign': {
      const reason = `the domain ${destination.host} is not served here; add it to ims.domains if it should be`;
      return refused(callerIsUser ? 404 : 403, reason);
    }
    case 'local': {
      const { user } = destination;
      const bindings = server.registrar.lookup(server.now, user);
      if (bindings.length > 0) {
        return { kind: 'targets', targets: bindings.map(({ uri, flow, q }) => ({ uri: formatUri(uri), flow, q })) };
      }
      const route = server.directory.route(user);
      if (route !== undefined) {
        return callerIsUser
          ? { kind: 'targets', targets: [route] }
          : refused(403, 'neither caller nor callee is a user of this server');
      }
      return server.directory.account(user) === undefined
        ? refused(404, `there is no user ${user}`)
        : refused(480, `${user} is not registered`);
    }
  }
}

function refused(status: number, reason: string): Routing {
  return { kind: 'refused', status, reason };
}
