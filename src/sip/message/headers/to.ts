import { nameAddrField } from './name-addr.ts';

/** RFC 3261 20.39. The tag is `parameters.get('tag')`. */
export const to = nameAddrField('To', 'RFC 3261 20.39', { compact: 't', list: false, single: true });
