import type { TransportAddress } from '../../wire/ip-address.ts';
import type { CallSnapshot } from './call-snapshot.ts';
import type { Side } from './media-relay.ts';

/** What is known of a call at an instant; the last one of a call becomes its CDR. Instants are monotonic ms. */
export interface CallRecord {
  readonly id: string;
  /** Of the caller's leg: Call-ID and both tags name its dialog. */
  readonly callId: string;
  readonly fromTag: string;
  /** Call-ID of the callee's leg; of the branch that answered, or else of the last one. */
  readonly calleeCallId: string | undefined;
  /** Call-IDs of the legs of all branches so far. */
  readonly branchCallIds: readonly string[];
  readonly caller: { readonly uri: string; readonly address: TransportAddress };
  readonly callee: { readonly uri: string; readonly address: TransportAddress | undefined };
  readonly invitedAt: number;
  readonly ringingAt: number | undefined;
  readonly answeredAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly endedBy: Side | 'server' | undefined;
  /** Final status of the INVITE. */
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly relayPorts: { readonly caller: readonly number[]; readonly callee: readonly number[] };
}

/** The life of a call as others see it. */
export interface CallEvent {
  /**
   * `changed`: its dialogs or its media are other than before; `moved`: it has another relay session; `resumed`: an
   * answered call of another process goes on here.
   */
  readonly kind: 'invited' | 'ringing' | 'answered' | 'changed' | 'moved' | 'resumed' | 'ended';
  readonly record: CallRecord;
  /** Of an answered call that has not ended. */
  readonly snapshot?: CallSnapshot;
}
