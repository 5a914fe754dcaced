import { callerOf } from './caller.ts';
import type { MethodSpec } from './method.ts';
import { routeRequest } from './routing.ts';

/** RFC 3428: a text, passed to all devices of the user. */
export const message: MethodSpec = {
  name: 'MESSAGE',
  rfc: 'RFC 3428',
  handle(server, incoming) {
    const caller = callerOf(server, incoming);
    if (caller.kind !== 'admitted') {
      return caller.effects;
    }
    const routing = routeRequest(server, incoming, caller.user !== undefined);
    return routing.kind === 'refused'
      ? [server.respond(incoming, routing.status, { reason: routing.reason })]
      : server.b2bua.passRequest(server.now, caller.incoming, routing.targets);
  },
};
