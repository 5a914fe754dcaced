import { nameAddrField } from './name-addr.ts';

/** RFC 3261 20.20. The tag is `parameters.get('tag')`. */
export const from = nameAddrField('From', 'RFC 3261 20.20', { compact: 'f', list: false, single: true });
