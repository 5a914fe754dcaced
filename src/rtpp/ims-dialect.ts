/**
 * The cookie-less dialect of the Python IMS: the verb is glued to the call id (`V<call_id> <from_tag>`), and the
 * replies carry no cookie. A standard relay reads the first word of such a datagram as the cookie, and a From tag
 * of `X` as "delete everything".
 */
import { familyOf, type TransportAddress } from '../wire/ip-address.ts';
import { parseCommandLine } from './command-line.ts';
import { splitCookie, splitWords } from './words.ts';

export type ImsDialectMode = 'off' | 'auto' | 'only';

interface ImsCall {
  readonly callId: string;
  readonly fromTag: string;
}

export type ImsRequest =
  /** `V<call> <from>`: the port that faces the callee; the session is created if there is none. */
  | ({ readonly kind: 'offer' } & ImsCall)
  /** `V<call> <from> <to>`: the port that faces the caller; both legs are created if there is no session. */
  | ({ readonly kind: 'answer'; readonly toTag: string } & ImsCall)
  /** `U<call> <from> <to> a:p b:q [flags]`: like `answer`, with both parties' addresses. */
  | ({
      readonly kind: 'update';
      readonly toTag: string;
      readonly caller: TransportAddress;
      readonly callee: TransportAddress;
    } & ImsCall)
  | ({ readonly kind: 'delete'; readonly toTag: string } & ImsCall)
  | ({ readonly kind: 'query'; readonly toTag: string } & ImsCall);

/**
 * A datagram as the dialect, or undefined: then the standard reading stands, errors included. `auto` prefers a
 * standard reading that is valid, so a standard client is safe whatever its cookies look like. `knownStandard`:
 * this sender has already sent a valid standard command whose cookie looked like a dialect verb.
 */
export function parseImsDatagram(text: string, mode: ImsDialectMode, knownStandard: boolean): ImsRequest | undefined {
  if (mode === 'off') {
    return undefined;
  }
  const request = parseImsWords(splitWords(text));
  if (request === undefined || mode === 'only') {
    return request;
  }
  return !knownStandard && (!isStandardDatagram(text) || isDangerousOffer(text)) ? request : undefined;
}

/** A line of a stream as the dialect, or undefined. Streams have no cookie to tell the two apart by. */
export function parseImsLine(text: string, mode: ImsDialectMode): ImsRequest | undefined {
  if (mode === 'off') {
    return undefined;
  }
  const words = splitWords(text);
  const [first = ''] = words;
  // `VF <date>`, `Dw <call> <tag>` and `Qv <call> <tag>` are standard commands.
  const standard = /^(?:VF|Dw+|Qv+)$/i.test(first);
  return standard && mode === 'auto' ? undefined : parseImsWords(words);
}

/** Whether a datagram begins with what could be a dialect verb, and is a valid standard command all the same. */
export function looksAlike(text: string): boolean {
  return /^[ \t\r\n]*[VDQU][^ \t\r\n]/.test(text) && isStandardDatagram(text);
}

/** The form in which the seed creates its sessions; `D` and `Q` bring the same ids raw. */
export function cleanId(text: string): string {
  return text.replace(/[\r\n\t]/g, '').replace(/[^\w-]/g, '_');
}

function isStandardDatagram(text: string): boolean {
  const split = splitCookie(text);
  return split !== undefined && parseCommandLine(split.command).ok;
}

/** `Vcall X` is an offer whose From tag is X, not an order to delete every session. */
function isDangerousOffer(text: string): boolean {
  const [cookie = '', verb, ...rest] = splitWords(text);
  return cookie.startsWith('V') && verb?.toUpperCase() === 'X' && rest.length === 0;
}

function parseImsWords(words: readonly string[]): ImsRequest | undefined {
  const [first = '', from, to, callerText, calleeText] = words;
  if (first.length < 2 || from === undefined || words.some((word) => word.includes('\0'))) {
    return undefined;
  }
  const call: ImsCall = { callId: cleanId(first.slice(1)), fromTag: cleanId(from) };
  const toTag = to === undefined ? undefined : cleanId(to);
  switch (first.charAt(0)) {
    case 'V':
      if (words.length === 2) {
        return { kind: 'offer', ...call };
      }
      return words.length === 3 && toTag !== undefined ? { kind: 'answer', toTag, ...call } : undefined;
    case 'D':
    case 'Q':
      return words.length === 3 && toTag !== undefined
        ? { kind: first.startsWith('D') ? 'delete' : 'query', toTag, ...call }
        : undefined;
    case 'U': {
      const caller = parseHostPort(callerText);
      const callee = parseHostPort(calleeText);
      return words.length <= 6 && toTag !== undefined && caller !== undefined && callee !== undefined
        ? { kind: 'update', toTag, caller, callee, ...call }
        : undefined;
    }
    default:
      return undefined;
  }
}

function parseHostPort(text: string | undefined): TransportAddress | undefined {
  const [, host = '', port] = /^(.+):([0-9]{1,5})$/.exec(text ?? '') ?? [];
  const address = host.replace(/^\[(.*)\]$/, '$1');
  return port === undefined || Number(port) > 65535 || familyOf(address) === undefined
    ? undefined
    : { address, port: Number(port) };
}
