import type { MethodSpec } from './method.ts';

/** RFC 3903 6 step 3: no event package, see `subscribe.ts`. */
export const publish: MethodSpec = {
  name: 'PUBLISH',
  rfc: 'RFC 3903',
  handle: (server, incoming) => [server.refuse(incoming, 489)],
};
