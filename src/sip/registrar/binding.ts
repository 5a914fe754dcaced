import type { Uri } from '../message/uri.ts';
import type { Flow } from '../transaction/flow.ts';

/** One device of an address of record (RFC 3261 10). */
export interface Binding {
  readonly aor: string;
  /** The Contact's URI as the device wrote it: Request-URI of what is sent to it. */
  readonly uri: Uri;
  /** Contact parameters other than `expires` and `q`, as written (`+sip.instance`, `reg-id`, feature tags). */
  readonly params: string;
  /** Preference, 0 to 1; 1 when the device does not say. */
  readonly q: number;
  /** Where the REGISTER came from. Requests go back there: behind a NAT the URI is not reachable. */
  readonly flow: Flow;
  /** Proxies that requests to it have to pass, the next hop first, as Route spells them (RFC 3327); undefined: none. */
  readonly path?: readonly string[] | undefined;
  /** Monotonic milliseconds. */
  readonly expiresAt: number;
  readonly callId: string;
  readonly cseq: number;
  /** `+sip.instance` with `reg-id`: the same device, whatever its address is now (RFC 5626 4.1). */
  readonly instance: string | undefined;
  /** What the device calls itself, cut; whatever a phone chose to say. */
  readonly userAgent?: string | undefined;
}

/** One Contact of a REGISTER request, read and checked by the caller. */
export interface RequestedBinding {
  readonly uri: Uri;
  readonly params: string;
  readonly q: number;
  /** The contact's `expires` parameter, seconds. */
  readonly expires: number | undefined;
  readonly instance: string | undefined;
}

export interface RegisterRequest {
  readonly aor: string;
  readonly callId: string;
  readonly cseq: number;
  /** `*` removes every binding (with `expires` 0). An empty list asks for the bindings. */
  readonly contacts: readonly RequestedBinding[] | '*';
  /** The Expires header, seconds. */
  readonly expires: number | undefined;
  readonly flow: Flow;
  /** As in `Binding`. */
  readonly path?: readonly string[];
  readonly userAgent?: string | undefined;
}

export type RegistrarEvent =
  | { readonly kind: 'registered'; readonly binding: Binding; readonly refreshed: boolean }
  | {
      readonly kind: 'unregistered';
      readonly binding: Binding;
      readonly reason: 'request' | 'expired' | 'replaced' | 'removed' | 'disconnected';
    };

export type RegisterOutcome =
  | { readonly status: 200; readonly bindings: readonly Binding[]; readonly events: readonly RegistrarEvent[] }
  /** 423: `minExpires` goes into Min-Expires. */
  | { readonly status: 423; readonly minExpires: number }
  /** 400: `*` misused. 403: too many contacts in one request. 500: older than what is known (RFC 3261 10.3 step 7). 503: table full. */
  | { readonly status: 400 | 403 | 500 | 503; readonly reason: string };
