import { numberField } from './number-field.ts';

/** RFC 3261 20.22: hops left, 0–255. */
export const maxForwards = numberField('Max-Forwards', 255, 'RFC 3261 20.22', { single: true });
