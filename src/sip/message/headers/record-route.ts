import { nameAddrField } from './name-addr.ts';

/** RFC 3261 20.30: proxies that want to stay on the way of a dialog. */
export const recordRoute = nameAddrField('Record-Route', 'RFC 3261 20.30', { list: true, single: false });
