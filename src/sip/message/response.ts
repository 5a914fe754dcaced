import { Headers } from './headers.ts';
import { EMPTY_BODY, type SipRequest, type SipResponse } from './message.ts';
import { reasonPhrase } from './status.ts';

export interface ResponseOptions {
  readonly reason?: string;
  /** Set as To tag unless the request has one; not on a 100. Every other response must get one. */
  readonly toTag?: string | undefined;
  /** Appended after the copied ones. */
  readonly headers?: Iterable<readonly [name: string, value: string]>;
  readonly body?: Uint8Array;
}

const MALFORMED_TAG = /;\s*tag\s*=/i;

/**
 * The response to a request as RFC 3261 8.2.6 builds it: Via, From, To, Call-ID and CSeq are copied as they came, a
 * 100 keeps the Timestamp, and a response that makes or confirms a dialog keeps the Record-Route (12.1.1). Works on
 * requests too broken to be parsed further: it copies text.
 */
export function createResponse(request: SipRequest, status: number, options: ResponseOptions = {}): SipResponse {
  const headers = new Headers();
  copyAll('Via', request.headers, headers);
  if (status > 100 && status < 300 && request.method !== 'REGISTER') {
    copyAll('Record-Route', request.headers, headers);
  }
  copyAll('From', request.headers, headers);
  const to = request.headers.get('To');
  if (to !== undefined) {
    const needsTag = status > 100 && options.toTag !== undefined && !MALFORMED_TAG.test(afterBrackets(to));
    headers.append('To', needsTag ? `${to};tag=${options.toTag}` : to);
  }
  copyAll('Call-ID', request.headers, headers);
  copyAll('CSeq', request.headers, headers);
  if (status === 100) {
    copyAll('Timestamp', request.headers, headers);
  }
  for (const [name, value] of options.headers ?? []) {
    headers.append(name, value);
  }
  return {
    kind: 'response',
    status,
    reason: options.reason ?? reasonPhrase(status),
    headers,
    body: options.body ?? EMPTY_BODY,
  };
}

function copyAll(name: string, from: Headers, to: Headers): void {
  for (const value of from.getLines(name)) {
    to.append(name, value);
  }
}

/** The part of a To value where header parameters stand: a `tag` inside the URI is not the header's. */
function afterBrackets(to: string): string {
  return to.slice(to.lastIndexOf('>') + 1);
}
