import { ok } from '../../../wire/result.ts';
import { fault, isToken } from '../grammar.ts';
import { type Parameters, parseHeaderParameters } from '../parameters.ts';
import type { HeaderField } from './field.ts';

/** Which dialog is to be replaced, as its user agent knows it that gets the INVITE. */
export interface Replaces {
  readonly callId: string;
  /** The local tag of who gets the INVITE. */
  readonly toTag: string;
  /** The tag of its peer. */
  readonly fromTag: string;
  /** What else there is: `early-only`. */
  readonly parameters: Parameters;
}

/** RFC 3891 6.1: `callid *( SEMI ( to-tag / from-tag / early-flag / generic-param ) )`, both tags once. */
export const replaces: HeaderField<Replaces> = {
  name: 'Replaces',
  list: false,
  single: true,
  parse: (text) => {
    const end = text.indexOf(';');
    const callId = text.slice(0, Math.max(0, end)).trim();
    const parameters = parseHeaderParameters(text.slice(Math.max(0, end)), 'RFC 3891 6.1');
    if (!parameters.ok) {
      return parameters;
    }
    const toTag = parameters.value.get('to-tag') ?? '';
    const fromTag = parameters.value.get('from-tag') ?? '';
    if (!/^\S+$/.test(callId) || !isToken(toTag) || !isToken(fromTag)) {
      return fault('bad-replaces', 0, 'RFC 3891 6.1');
    }
    return ok({ callId, toTag, fromTag, parameters: parameters.value.without('to-tag').without('from-tag') });
  },
  format: ({ callId, toTag, fromTag, parameters }) => `${callId};to-tag=${toTag};from-tag=${fromTag}${parameters}`,
};
