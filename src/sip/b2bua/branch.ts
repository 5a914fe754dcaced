import { findSdp } from '../../sdp/body.ts';
import { Dialog } from '../dialog/dialog.ts';
import { tooBrief } from '../dialog/session-timer.ts';
import { cseq as cseqField } from '../message/headers/cseq.ts';
import { from as fromField } from '../message/headers/from.ts';
import { maxForwards } from '../message/headers/max-forwards.ts';
import { minSe } from '../message/headers/min-se.ts';
import { to as toField } from '../message/headers/to.ts';
import type { SipRequest, SipResponse } from '../message/message.ts';
import { Parameters } from '../message/parameters.ts';
import { createResponse } from '../message/response.ts';
import { parseSipUriOrUndefined } from '../message/uri.ts';
import type { Flow } from '../transaction/flow.ts';
import type { Call } from './call.ts';
import type { CallSnapshot } from './call-snapshot.ts';
import { Crossing, failureHeaders, type Incoming } from './crossing.ts';
import type { CallHost } from './host.ts';
import { InviteCrossing } from './invite-crossing.ts';
import { Liveness } from './liveness.ts';
import { MediaCare } from './media-care.ts';
import { otherSide, type RelayCommand, type Side } from './media-relay.ts';
import { MediaSession } from './media-session.ts';
import { passHeaders } from './pass-through.ts';
import { SessionTimers } from './session-timers.ts';

/** Where a call may go: a registered device, or a static route. */
export interface CallTarget {
  /** Request-URI of what is sent there. */
  readonly uri: string;
  readonly flow: Flow;
  /** How much it is wanted beside the others, 0 to 1; 1 unless told. Those of equal q ring at once. */
  readonly q?: number;
  /** Route of the request, as headers spell it (RFC 3327); undefined: none. */
  readonly path?: readonly string[];
  /** Other flows to the same device, for when this one leads nowhere (RFC 5626 5.3). */
  readonly alternates?: readonly CallTarget[];
}

/** Why a branch is over that was never answered. */
export interface BranchFailure {
  /** What the caller is told if no other branch has something better. */
  readonly response: SipResponse;
  readonly by: Side | 'server';
  /** For the record. */
  readonly reason: string;
}

interface BranchParts {
  readonly dialogs: Readonly<Record<Side, Dialog>>;
  readonly mediaOf: (send: (command: RelayCommand) => void) => MediaSession;
  readonly alternates?: readonly CallTarget[];
}

/** Requests of one branch that may be under way at once, beside the INVITE. */
const MAX_CROSSINGS = 16;

/**
 * One way of a call: a dialog with the caller, a dialog with one callee, a relay session, and the requests that pass
 * between them. A call that rings three phones has three branches; the caller sees three early dialogs.
 */
export class Branch {
  readonly call: Call;
  readonly dialogs: Readonly<Record<Side, Dialog>>;
  readonly care: MediaCare;
  /** Of its target. */
  readonly alternates: readonly CallTarget[];
  readonly #host: CallHost;
  readonly #crossings = new Set<Crossing>();
  /** The last INVITE of the branch, pending or not. */
  #invite: InviteCrossing;
  readonly #initial: InviteCrossing;
  readonly #liveness: Liveness;
  readonly sessionTimers: SessionTimers;
  #media: MediaSession;
  #ended = false;

  private constructor(call: Call, host: CallHost, incoming: Incoming, parts: BranchParts) {
    this.call = call;
    this.#host = host;
    this.dialogs = parts.dialogs;
    this.alternates = parts.alternates ?? [];
    const media: MediaSession = parts.mediaOf((command) => host.relay(media, command));
    this.#media = media;
    this.care = new MediaCare(this, host);
    this.#liveness = new Liveness(this, host);
    this.sessionTimers = new SessionTimers(this, host);
    this.#initial = new InviteCrossing(this, host, 'caller', incoming, true);
    this.#invite = this.#initial;
  }

  /** Goes on with the branch that was answered. Undefined: the snapshot cannot be read. */
  static resume(call: Call, host: CallHost, incoming: Incoming, snapshot: CallSnapshot): Branch | undefined {
    const [caller, callee] = [Dialog.resume(snapshot.dialogs.caller), Dialog.resume(snapshot.dialogs.callee)];
    return caller === undefined || callee === undefined
      ? undefined
      : new Branch(call, host, incoming, {
          dialogs: { caller, callee },
          mediaOf: (send) => MediaSession.resume(snapshot.media, send),
        });
  }

  /** A new branch; it rings when it is started. */
  static ring(call: Call, host: CallHost, incoming: Incoming, target: CallTarget, instance: string): Branch {
    const { request, flow } = incoming;
    const { ids } = host.options;
    const caller = Dialog.asUas(request, ids.tag(), flow);
    const callee = Dialog.asUac({
      callId: ids.callId(),
      localTag: ids.tag(),
      local: request.headers.read(fromField) ?? addressOnly(request.uri),
      remote: request.headers.read(toField) ?? addressOnly(request.uri),
      target: target.uri,
      path: target.path,
      flow: target.flow,
    });
    const session = {
      callId: caller.callId,
      instance,
      callerTag: caller.remoteTag ?? '',
      calleeTag: caller.localTag,
    };
    return new Branch(call, host, incoming, {
      dialogs: { caller, callee },
      mediaOf: (send) => new MediaSession(session, send),
      ...(target.alternates !== undefined && { alternates: target.alternates }),
    });
  }

  /** The relay session at present. */
  get media(): MediaSession {
    return this.#media;
  }

  /** Another relay session has taken the place of the present one. */
  moveTo(media: MediaSession): void {
    this.#media.abandon();
    this.#media = media;
    this.call.handleMoved();
  }

  /** Until its end no offer of ours can be made (RFC 3261 14.1). */
  get hasPendingOffer(): boolean {
    return this.#invite.isPending || [...this.#crossings].some(({ method }) => method === 'UPDATE');
  }

  start(): void {
    this.#begin();
    this.#initial.start();
  }

  /**
   * After `resume`. With `inviteCseq` the callee waits for the ACK of that INVITE.
   * @param delayMs where the call has to move to another relay session, it waits for so long
   */
  goOn({ inviteCseq, sessions }: CallSnapshot, delayMs: number): void {
    this.#begin();
    this.care.resume(delayMs);
    this.sessionTimers.resume(sessions);
    this.#initial.settle();
    this.#liveness.start();
    if (inviteCseq !== undefined) {
      const request = this.dialogs.callee.createRequest('ACK', { cseq: inviteCseq });
      request.headers.write(maxForwards, 70);
      this.#host.send(request, this.dialogs.callee.nextHop());
    }
  }

  snapshot(): Pick<CallSnapshot, 'dialogs' | 'media' | 'sessions' | 'inviteCseq'> {
    const { caller, callee } = this.dialogs;
    return {
      dialogs: { caller: caller.snapshot(), callee: callee.snapshot() },
      media: this.media.snapshot(),
      sessions: this.sessionTimers.snapshot(),
      ...(this.#initial.hasOffer && this.#initial.awaitsAck && { inviteCseq: this.#initial.clientCseq }),
    };
  }

  /** A request within one of the branch's dialogs; ACK and CANCEL come another way. */
  handleRequest(from: Side, incoming: Incoming): void {
    const { request, flow, key } = incoming;
    const dialog = this.dialogs[from];
    const refuse = (status: number, reason: string): void =>
      this.#host.respond(
        key,
        createResponse(request, status, { toTag: dialog.localTag, headers: failureHeaders(status, reason, flow) }),
      );
    if (request.headers.read(fromField)?.parameters.get('tag') !== dialog.remoteTag) {
      refuse(481, 'the From tag is not that of the dialog');
      return;
    }
    if (!dialog.acceptCseq(request.headers.read(cseqField)?.number ?? 0)) {
      refuse(500, 'CSeq is lower than that of an earlier request (RFC 3261 12.2.2)');
      return;
    }
    if (request.method === 'BYE') {
      this.#handleBye(from, incoming);
      return;
    }
    const minimum = concernsSession(request.method) ? tooBrief(request, this.#host.options) : undefined;
    if (minimum !== undefined) {
      this.#host.respond(key, sessionTooBrief(request, dialog.localTag, minimum));
      return;
    }
    const glare = this.#glare(from, request);
    if (glare !== undefined) {
      refuse(glare, 'another offer is under way (RFC 3261 14)');
      return;
    }
    if (!this.dialogs[otherSide(from)].isEstablished || this.#crossings.size >= MAX_CROSSINGS) {
      refuse(500, 'the other side of the call is not ready for it');
      return;
    }
    this.#cross(from, incoming);
  }

  handleAck(from: Side, request: SipRequest, flow: Flow): void {
    const number = request.headers.read(cseqField)?.number;
    if (this.#invite.from === from && this.#invite.serverCseq === number) {
      this.#invite.handleAck(request, flow);
    }
  }

  /** CANCEL of a re-INVITE: it travels on, and the peer's 487 (or its late 2xx) comes back. */
  handleCancel(request: SipRequest): void {
    this.#invite.cancel(reasonHeaders(request));
  }

  /** This branch lost: another one was answered, or the caller gave up. */
  cancel(headers: readonly (readonly [string, string])[]): void {
    if (!this.#ended) {
      this.#initial.cancel(headers);
      this.#initial.abandon();
      this.#end();
    }
  }

  /** The first INVITE was refused, or could not be delivered. */
  fail(failure: BranchFailure): void {
    if (!this.#ended) {
      this.#end();
      this.call.handleBranchFailure(this, failure);
    }
  }

  /**
   * The final response of a crossing has gone back. A peer that denies the dialog, or does not answer, ends the call
   * (RFC 3261 12.2.1.2); asked for anything but the session itself it denies only that (RFC 5057 5.1).
   */
  handleFinal(crossing: Crossing, status: number): void {
    this.#crossings.delete(crossing);
    this.call.handleChange();
    if (!this.#ended && concernsSession(crossing.method) && (status === 481 || status === 408)) {
      this.call.end({ by: 'server', reason: `the ${crossing.to} no longer knows the call` });
    }
  }

  /** Ends an answered call with BYE to both sides, or to all but the one that sent one itself. */
  hangUp(sender: Side | undefined, bye: SipRequest | undefined): void {
    if (this.#ended) {
      return;
    }
    for (const crossing of this.#crossings) {
      crossing.abandon();
    }
    this.#crossings.clear();
    this.#initial.abandon();
    for (const side of ['caller', 'callee'] as const) {
      if (side !== sender) {
        const dialog = this.dialogs[side];
        const request = dialog.createRequest('BYE', bye === undefined ? {} : { body: bye.body });
        request.headers.write(maxForwards, 70);
        if (bye !== undefined) {
          passHeaders(bye.headers, request.headers);
        }
        this.#host.requestAndForget(request, dialog.nextHop());
      }
    }
    this.#end();
  }

  /** The 2xx has gone to the caller. */
  handleAnswered(): void {
    this.media.tellAnswered();
    this.#liveness.start();
  }

  /** A PRACK carries the answer when the INVITE had no offer (RFC 3262 5). */
  prackRole(): 'offer' | 'answer' {
    return this.#invite.hasOffer ? 'offer' : 'answer';
  }

  /** RAck names the INVITE by its CSeq, which differs between the legs (RFC 3262 7.2). */
  mapRack(rack: string, from: Side): string {
    const match = /^\s*([0-9]+)\s+([0-9]+)\s+(\S+)\s*$/.exec(rack);
    if (match === null || this.#invite.from !== from || Number(match[2]) !== this.#invite.serverCseq) {
      return rack;
    }
    return `${match[1]} ${this.#invite.clientCseq} ${match[3]}`;
  }

  /** User part of our Contact towards a side: the other party, as that side knows it. */
  userTowards(side: Side): string | undefined {
    const { request } = this.call.incoming;
    const uri = side === 'caller' ? request.uri : request.headers.read(fromField)?.uri;
    return uri === undefined ? undefined : parseSipUriOrUndefined(uri)?.user;
  }

  #handleBye(from: Side, { key, request, flow }: Incoming): void {
    this.dialogs[from].refresh(request, flow);
    this.#host.respond(key, createResponse(request, 200, { toTag: this.dialogs[from].localTag }));
    this.call.handleBye(this, from, request);
  }

  /** 491 when the offers of both sides meet, 500 when one side has two at once (RFC 3261 14.1, 14.2, RFC 3311 5.2). */
  #glare(from: Side, request: SipRequest): 491 | 500 | undefined {
    const isOffer =
      request.method === 'INVITE' ||
      (request.method === 'UPDATE' && findSdp(request.headers.get('Content-Type'), request.body) !== undefined);
    if (!isOffer) {
      return undefined;
    }
    // An UPDATE may follow the reliable answer of a first INVITE that still rings; the peer knows, we pass it on.
    const early = this.#invite.isInitial && !this.call.isAnswered && request.method === 'UPDATE';
    if (this.care.reAnchoring.isActive) {
      return 491;
    }
    if (this.#invite.isPending && !early) {
      return this.#invite.from === from ? 500 : 491;
    }
    for (const crossing of this.#crossings) {
      if (crossing.method === 'UPDATE') {
        return crossing.from === from ? 500 : 491;
      }
    }
    return undefined;
  }

  #cross(from: Side, incoming: Incoming): void {
    if (incoming.request.method === 'INVITE') {
      const invite = new InviteCrossing(this, this.#host, from, incoming, false);
      this.#invite = invite;
      this.#crossings.add(invite);
      invite.start();
      return;
    }
    const crossing = new Crossing(this, this.#host, from, incoming);
    this.#crossings.add(crossing);
    crossing.start();
  }

  #begin(): void {
    this.#host.addDialog(this.dialogs.caller, this, 'caller');
    this.#host.addDialog(this.dialogs.callee, this, 'callee');
    this.care.start();
  }

  #end(): void {
    this.#ended = true;
    this.care.stop();
    this.#liveness.stop();
    this.sessionTimers.stop();
    this.#host.removeDialog(this.dialogs.caller);
    this.#host.removeDialog(this.dialogs.callee);
    this.media.close();
  }
}

/** What a CANCEL or BYE says about its cause (RFC 3326). */
export function reasonHeaders(request: SipRequest): readonly (readonly [string, string])[] {
  return request.headers.getAll('Reason').map((value) => ['Reason', value] as const);
}

/** The 422 with what would be long enough (RFC 4028 5). */
export function sessionTooBrief(request: SipRequest, toTag: string, minimum: number): SipResponse {
  return createResponse(request, 422, { toTag, headers: [['Min-SE', minSe.format(minimum)]] });
}

function concernsSession(method: string): boolean {
  return method === 'INVITE' || method === 'UPDATE';
}

function addressOnly(uri: string): { displayName: undefined; uri: string; parameters: Parameters } {
  return { displayName: undefined, uri, parameters: Parameters.none };
}
