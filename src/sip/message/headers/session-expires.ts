import { ok } from '../../../wire/result.ts';
import { fault, parseDecimal } from '../grammar.ts';
import { parseHeaderParameters } from '../parameters.ts';
import type { HeaderField } from './field.ts';

export interface SessionExpires {
  readonly seconds: number;
  /** Who refreshes: the client or the server of this very request. Undefined: the server is to choose. */
  readonly refresher: 'uac' | 'uas' | undefined;
}

/** RFC 4028 4: `delta-seconds *( SEMI ( "refresher=" ( "uac" / "uas" ) / generic-param ) )`. */
export const sessionExpires: HeaderField<SessionExpires> = {
  name: 'Session-Expires',
  compact: 'x',
  list: false,
  single: false,
  parse: (text) => {
    const end = text.indexOf(';');
    const seconds = parseDecimal((end < 0 ? text : text.slice(0, end)).trim(), 0xffff_ffff);
    const parameters = parseHeaderParameters(end < 0 ? '' : text.slice(end), 'RFC 4028 4');
    if (seconds === undefined || !parameters.ok) {
      return fault('bad-session-expires', 0, 'RFC 4028 4');
    }
    const refresher = parameters.value.get('refresher')?.toLowerCase();
    return ok({ seconds, refresher: refresher === 'uac' || refresher === 'uas' ? refresher : undefined });
  },
  format: ({ seconds, refresher }) => (refresher === undefined ? `${seconds}` : `${seconds};refresher=${refresher}`),
};
