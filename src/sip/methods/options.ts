import type { MethodSpec } from './method.ts';

/** RFC 3261 11: what this server takes. Also the question by which phones and supervisors see whether it lives. */
export const options: MethodSpec = {
  name: 'OPTIONS',
  rfc: 'RFC 3261 11',
  handle(server, incoming) {
    const destination = server.directory.resolve(incoming.request.uri);
    return destination.kind === 'foreign'
      ? [server.refuse(incoming, 404, { reason: `the domain ${destination.host} is not served here` })]
      : [server.refuse(incoming, 200, { headers: server.capabilities })];
  },
};
