import { callerOf } from './caller.ts';
import type { MethodSpec } from './method.ts';
import { redirectionOf, routeRequest } from './routing.ts';

/** RFC 3261 13: a call, once we know who calls and where it goes. The B2BUA does the rest. */
export const invite: MethodSpec = {
  name: 'INVITE',
  rfc: 'RFC 3261 13',
  handle(server, incoming) {
    const caller = callerOf(server, incoming);
    if (caller.kind !== 'admitted') {
      return caller.effects;
    }
    const isUser = caller.user !== undefined;
    const routing = routeRequest(server, incoming, isUser);
    if (routing.kind === 'refused') {
      return server.b2bua.refuseCall(server.now, incoming, routing.status, routing.reason);
    }
    const redirection = redirectionOf(server, isUser);
    return server.b2bua.startCall(server.now, caller.incoming, routing.targets, caller.user, redirection);
  },
};
