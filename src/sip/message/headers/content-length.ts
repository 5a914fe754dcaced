import { numberField } from './number-field.ts';

/** RFC 3261 20.14: the body's size in bytes. */
export const contentLength = numberField('Content-Length', 0xffff_ffff, 'RFC 3261 20.14', {
  compact: 'l',
  single: true,
});
