import { nameAddrField } from './name-addr.ts';

/** RFC 3261 20.34: where a request must pass, the next hop first. */
export const route = nameAddrField('Route', 'RFC 3261 20.34', { list: true, single: false });
