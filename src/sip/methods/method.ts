import type { B2bua } from '../b2bua/b2bua.ts';
import type { Incoming } from '../b2bua/crossing.ts';
import type { B2buaEffect } from '../b2bua/effects.ts';
import type { SipResponse } from '../message/message.ts';
import type { Courier } from '../offline/courier.ts';
import type { Registrar } from '../registrar/registrar.ts';
import type { TransactionKey } from '../transaction/effects.ts';
import type { Directory } from './directory.ts';
import type { SipServerEffect } from './effects.ts';
import type { Gatekeeper } from './gatekeeper.ts';

/** One SIP method as this server takes it: a file each, and a line in `index.ts`. */
export interface MethodSpec {
  readonly name: string;
  /** The document that defines it. */
  readonly rfc: string;
  /** A request outside of any dialog. Within one, the B2BUA passes every method on. */
  handle(server: MethodHost, incoming: Incoming): readonly MethodEffect[];
}

/** What a method has at hand. */
export interface MethodHost {
  readonly now: number;
  readonly registrar: Registrar;
  readonly b2bua: B2bua;
  readonly directory: Directory;
  readonly gatekeeper: Gatekeeper;
  readonly courier: Courier;
  newTag(): string;
  /** Header fields of every answer to OPTIONS, 405 and 501: what this server takes. */
  readonly capabilities: readonly (readonly [string, string])[];
  /** A final response of our own. `reason` is a sentence for the Warning header. */
  respond(incoming: Incoming, status: number, answer?: Answer): MethodEffect;
  /** The same for a sender who has not proved who he is: he gets one answer a request, and nothing is kept of it. */
  refuse(incoming: Incoming, status: number, answer?: Answer): MethodEffect;
}

export interface Answer {
  readonly reason?: string;
  readonly headers?: readonly (readonly [string, string])[];
}

export type MethodEffect =
  | B2buaEffect
  | SipServerEffect
  /** As `respond`, without keeping the transaction. */
  | { readonly kind: 'refuse'; readonly key: TransactionKey; readonly response: SipResponse }
  /** No answer at all. */
  | { readonly kind: 'ignore'; readonly key: TransactionKey };
