import { numberField } from './number-field.ts';

/** RFC 3261 20.23: seconds, in a 423. */
export const minExpires = numberField('Min-Expires', 0xffff_ffff, 'RFC 3261 20.23', { single: false });
