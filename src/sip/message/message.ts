/**
 * A SIP message (RFC 3261 7) as the engines see it: a start line, ordered header fields as text, and a body as bytes.
 * Header values are parsed when they are asked for (`headers.read(via)`), so that what nobody looks at is passed on as
 * it came.
 */
import type { Headers } from './headers.ts';

export interface SipRequest {
  readonly kind: 'request';
  /** Case-sensitive token, for example `INVITE` (RFC 3261 7.1). */
  readonly method: string;
  /** The Request-URI as it stands in the start line; `parseUri` takes it apart. */
  readonly uri: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export interface SipResponse {
  readonly kind: 'response';
  /** 100–699. */
  readonly status: number;
  readonly reason: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export type SipMessage = SipRequest | SipResponse;

export const EMPTY_BODY = new Uint8Array(0);

/** The request as another one may be made of it: own headers, so that changes do not reach the original. */
export function cloneRequest(request: SipRequest, change: Partial<Omit<SipRequest, 'kind'>> = {}): SipRequest {
  return { ...request, headers: request.headers.clone(), ...change };
}

export function isProvisional(status: number): boolean {
  return status < 200;
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

export function isFinal(status: number): boolean {
  return status >= 200;
}
