/** How a phone that registers wants to be reached: through which proxies (RFC 3327), over which flow (RFC 5626). */
import { formatNameAddr, type NameAddr } from '../message/headers/name-addr.ts';
import { path as pathField } from '../message/headers/path.ts';
import type { Headers } from '../message/headers.ts';
import type { SipRequest } from '../message/message.ts';
import { parseSipUriOrUndefined } from '../message/uri.ts';

export type RegisteredWay =
  | {
      readonly kind: 'way';
      /** Route of requests to the phone. */
      readonly path: readonly string[];
      /** What the 200 says of it. */
      readonly answer: readonly (readonly [string, string])[];
    }
  | { readonly kind: 'refused'; readonly status: 400 | 439; readonly reason: string };

/** More proxies than this is no honest path. */
const MAX_PATH = 20;

/**
 * @param contacts of the request; which of them name a flow is in their parameters
 * @param flowTimerSeconds how often the phone is to keep its flow alive; 0: as it likes
 */
export function registeredWay(
  { headers }: SipRequest,
  contacts: readonly NameAddr[],
  flowTimerSeconds: number,
): RegisteredWay {
  const path = headers.readAll(pathField);
  if (!path.ok || path.value.length > MAX_PATH) {
    return { kind: 'refused', status: 400, reason: 'Path is malformed, or longer than any path is' };
  }
  const flows = contacts.filter(({ parameters }) => parameters.has('+sip.instance') && parameters.has('reg-id'));
  const wantsOutbound = flows.length > 0 && isSupported(headers, 'outbound');
  if (wantsOutbound && flows.length > 1) {
    return { kind: 'refused', status: 400, reason: 'more than one Contact with reg-id (RFC 5626 6)' };
  }
  if (wantsOutbound && !keepsFlows(headers, path.value)) {
    const reason = 'the proxy that the phone talks to does not keep its flow (RFC 5626 6)';
    return { kind: 'refused', status: 439, reason };
  }
  const texts = path.value.map(formatNameAddr);
  const told = isSupported(headers, 'path') ? texts.map((text) => ['Path', text] as const) : [];
  const timer = flowTimerSeconds > 0 ? [['Flow-Timer', String(flowTimerSeconds)] as const] : [];
  const flowKept = wantsOutbound ? [['Require', 'outbound'] as const, ...timer] : [];
  return { kind: 'way', path: texts, answer: [...told, ...flowKept] };
}

/** The phone talks to us, or to a proxy that has put `ob` into the Path that it began. */
function keepsFlows(headers: Headers, path: readonly NameAddr[]): boolean {
  const first = path.at(-1);
  if (first === undefined) {
    return headers.getAll('Via').length === 1;
  }
  return parseSipUriOrUndefined(first.uri)?.parameters.has('ob') ?? false;
}

function isSupported(headers: Headers, tag: string): boolean {
  return [...headers.getAll('Supported'), ...headers.getAll('Require')].some((each) => each.toLowerCase() === tag);
}
