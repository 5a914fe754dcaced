/** Commands as a client writes them. What comes back is in `reply.ts`. */
import { assertNever } from '../wire/assert-never.ts';
import type { TransportAddress } from '../wire/ip-address.ts';
import { formatStreamModifiers, type StreamModifiers } from './stream-modifiers.ts';

interface Party {
  readonly callId: string;
  readonly fromTag: string;
  readonly toTag?: string | undefined;
}

interface StreamRequest extends Party {
  /** Where the sender of the SDP receives RTP; undefined writes `0.0.0.0`, which changes nothing. */
  readonly peer: TransportAddress | undefined;
  readonly modifiers?: Partial<StreamModifiers> | undefined;
}

export type RtppRequest =
  | { readonly kind: 'version' }
  | { readonly kind: 'capability'; readonly date: string }
  | ({ readonly kind: 'update' } & StreamRequest)
  | ({ readonly kind: 'lookup' } & StreamRequest)
  | ({ readonly kind: 'delete'; readonly weak?: boolean } & Party)
  | ({ readonly kind: 'query'; readonly verbose?: boolean; readonly counters?: readonly string[] } & Party)
  | { readonly kind: 'info' }
  | { readonly kind: 'statistics'; readonly verbose?: boolean; readonly counters: readonly string[] }
  | { readonly kind: 'delete-all' };

/**
 * One command without cookie and without LF. Total: a blank, a control character or a lone `&&` in an id, none of
 * which SIP allows there, is written as `%XX`, so an id never becomes two words or a second command.
 */
export function formatCommand(request: RtppRequest): string {
  switch (request.kind) {
    case 'version':
      return 'V';
    case 'capability':
      return `VF ${formatWord(request.date)}`;
    case 'update':
      return formatStreamRequest('U', request);
    case 'lookup':
      return formatStreamRequest('L', request);
    case 'delete':
      return `D${request.weak === true ? 'w' : ''} ${formatParty(request)}`;
    case 'query': {
      // Counters can only follow a to_tag; an empty one would shift them into its place.
      const counters = request.toTag === undefined ? [] : (request.counters ?? []);
      return [`Q${request.verbose === true ? 'v' : ''} ${formatParty(request)}`, ...counters].join(' ');
    }
    case 'info':
      return 'Ib';
    case 'statistics':
      return [`G${request.verbose === true ? 'v' : ''}`, ...request.counters].join(' ');
    case 'delete-all':
      return 'X';
    default:
      return assertNever(request);
  }
}

function formatStreamRequest(verb: 'U' | 'L', request: StreamRequest): string {
  const ipv6 = request.peer?.address.includes(':') === true;
  const modifiers = formatStreamModifiers(ipv6 ? { ...request.modifiers, family: 6 } : (request.modifiers ?? {}));
  const address = request.peer?.address ?? (request.modifiers?.family === 6 ? '::' : '0.0.0.0');
  return [
    `${verb}${modifiers}`,
    formatWord(request.callId),
    address,
    request.peer?.port ?? 0,
    formatWord(request.fromTag),
    ...(request.toTag === undefined ? [] : [formatWord(request.toTag)]),
  ].join(' ');
}

function formatParty({ callId, fromTag, toTag }: Party): string {
  return [callId, fromTag, ...(toTag === undefined ? [] : [toTag])].map(formatWord).join(' ');
}

function formatWord(text: string): string {
  if (text === '' || text === '&&') {
    return text === '' ? '%00' : '%26%26';
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not get through.
  return text.replace(/[\u0000-\u0020\u007f]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
