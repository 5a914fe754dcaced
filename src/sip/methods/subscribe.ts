import type { MethodSpec } from './method.ts';

/**
 * RFC 6665 4.2.1.1. There is no event package here yet: 489 tells a phone to stop asking for message-summary or
 * presence, where 405 would make some ask for ever.
 */
export const subscribe: MethodSpec = {
  name: 'SUBSCRIBE',
  rfc: 'RFC 6665',
  handle: (server, incoming) => [server.refuse(incoming, 489)],
};
