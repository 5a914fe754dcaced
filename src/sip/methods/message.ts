import type { CallTarget } from '../b2bua/branch.ts';
import { createResponse } from '../message/response.ts';
import { isUnreached } from '../offline/courier.ts';
import { callerOf } from './caller.ts';
import type { MethodSpec } from './method.ts';
import { routeRequest } from './routing.ts';

/** RFC 3428: a text, passed to all devices of the user; kept for him when none of them is there. */
export const message: MethodSpec = {
  name: 'MESSAGE',
  rfc: 'RFC 3428',
  handle(server, incoming) {
    const caller = callerOf(server, incoming);
    if (caller.kind !== 'admitted') {
      return caller.effects;
    }
    const { request } = caller.incoming;
    const destination = server.directory.resolve(request.uri);
    const isUser = destination.kind === 'local' && server.directory.account(destination.user) !== undefined;
    const keep = (tried: readonly CallTarget[]): boolean =>
      isUser && server.courier.keep(server.now, destination.user, request, tried);
    const routing = routeRequest(server, incoming, caller.user !== undefined);
    if (routing.kind === 'refused') {
      return routing.status === 480 && keep([])
        ? [server.respond(incoming, 202)]
        : [server.respond(incoming, routing.status, { reason: routing.reason })];
    }
    return server.b2bua.passRequest(server.now, caller.incoming, routing.targets, (response) =>
      isUnreached(response.status) && keep(routing.targets)
        ? createResponse(incoming.request, 202, { toTag: server.newTag() })
        : response,
    );
  },
};
