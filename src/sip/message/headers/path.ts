import { nameAddrField } from './name-addr.ts';

/** RFC 3327 3: proxies that requests to a phone have to pass, the next hop first. */
export const path = nameAddrField('Path', 'RFC 3327 3', { list: true, single: false });
