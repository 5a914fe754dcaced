import type { CallTarget } from '../b2bua/branch.ts';
import type { Incoming } from '../b2bua/crossing.ts';
import type { Redirection } from '../b2bua/redirection.ts';
import { formatUri } from '../message/uri.ts';
import type { Binding } from '../registrar/binding.ts';
import type { MethodHost } from './method.ts';

export type Routing =
  | { readonly kind: 'targets'; readonly targets: readonly CallTarget[] }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string };

/**
 * Where a request for somebody goes: to all devices of a registered user, else by a static route. A caller who is no
 * user of ours (a trusted peer) reaches only users of ours: this server relays for nobody else.
 */
export function routeRequest(server: MethodHost, { request }: Incoming, callerIsUser: boolean): Routing {
  return routeTo(server, server.now, request.uri, callerIsUser);
}

/** Phones send a call on with the rights of who placed it, so that nobody is led to where he could not go. */
export function redirectionOf(server: MethodHost, callerIsUser: boolean): Redirection {
  return (now, uri) => {
    const routing = routeTo(server, now, uri, callerIsUser);
    return routing.kind === 'targets' ? routing.targets : [];
  };
}

function routeTo(
  server: Pick<MethodHost, 'directory' | 'registrar'>,
  now: number,
  uri: string,
  callerIsUser: boolean,
): Routing {
  const destination = server.directory.resolve(uri);
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
      const bindings = server.registrar.lookup(now, user);
      if (bindings.length > 0) {
        return { kind: 'targets', targets: targetsOf(bindings) };
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

/** One target a device: its other flows are for when the one that it registered last has failed (RFC 5626 5.3). */
export function targetsOf(bindings: readonly Binding[]): CallTarget[] {
  const devices = new Map<string | Binding, CallTarget[]>();
  for (const binding of bindings) {
    const device = deviceOf(binding) ?? binding;
    devices.set(device, [...(devices.get(device) ?? []), targetOf(binding)]);
  }
  return [...devices.values()].flatMap(([first, ...alternates]) =>
    first === undefined ? [] : [{ ...first, ...(alternates.length > 0 && { alternates }) }],
  );
}

/** `+sip.instance` without the reg-id behind it; undefined: a device without flows of its own. */
function deviceOf({ instance }: Binding): string | undefined {
  const end = instance?.lastIndexOf(';') ?? -1;
  return instance === undefined || end === instance.length - 1 ? undefined : instance.slice(0, end);
}

function targetOf({ uri, flow, q, path }: Binding): CallTarget {
  return { uri: formatUri(uri), flow, q, ...(path !== undefined && { path }) };
}

function refused(status: number, reason: string): Routing {
  return { kind: 'refused', status, reason };
}
