import { numberField } from './number-field.ts';

/** RFC 3261 20.19: seconds. */
export const expires = numberField('Expires', 0xffff_ffff, 'RFC 3261 20.19', { single: false });
