import { formatMessage } from '../message/format.ts';
import { from as fromField } from '../message/headers/from.ts';
import type { SipRequest } from '../message/message.ts';
import { createResponse } from '../message/response.ts';
import { clientOf } from '../transaction/flow.ts';
import { isBetterFailure, isFlowFailure } from './best-response.ts';
import { Branch, type BranchFailure, type CallTarget, reasonHeaders } from './branch.ts';
import type { CallEvent, CallRecord } from './call-record.ts';
import type { CallSnapshot } from './call-snapshot.ts';
import { failureHeaders, type Incoming } from './crossing.ts';
import type { CallHost, Timed } from './host.ts';
import type { RelaySession, Side } from './media-relay.ts';
import { RedirectedTargets, type Redirection } from './redirection.ts';
import { ringGroups } from './ring-groups.ts';

/** How a call ends. */
export interface CallEnd {
  readonly by: Side | 'server';
  readonly reason: string;
  /** What the caller is told if the call was not answered yet; 487 when it says nothing. */
  readonly status?: number;
  /** The BYE of the side that hung up. */
  readonly bye?: { readonly from: Side; readonly request: SipRequest };
}

export interface CallStart {
  readonly id: string;
  readonly incoming: Incoming;
  readonly targets: readonly CallTarget[];
  readonly account?: string | undefined;
  /** Where phones may send it on to; without, nowhere. */
  readonly redirection?: Redirection | undefined;
  /** Of a call that goes on; a new one takes what holds now. */
  readonly mediaAddress?: string;
  readonly invitedAt?: number;
}

/**
 * A call: the caller's INVITE and the branches that it rings.
 *
 *   ringing ──2xx of one branch──► accepted ──2xx sent to the caller──► answered ──BYE──► over
 *      └── CANCEL, all branches fail, Timer C, relay gone ──► over
 *
 * Devices of equal q ring at once. Those with the next lower q ring when all of them have failed, or have rung for
 * `ringGroupMs` in vain (RFC 3261 16.6); the last ones ring until Timer C.
 *
 * A phone may send its caller to others (302): they ring in its place, see `redirection.ts`.
 *
 * The first 2xx wins; the other branches are cancelled, and a 2xx that comes from them all the same is released.
 */
export class Call implements Timed {
  readonly id: string;
  /** The INVITE that began it. */
  readonly incoming: Incoming;
  /** Address that SDP of this call carries, whatever new calls are told: its relay session is there. */
  readonly mediaAddress: string;
  /** Of the user who calls; undefined: a trusted peer. */
  readonly account: string | undefined;
  readonly #host: CallHost;
  readonly #branches = new Set<Branch>();
  /** Whom nobody has rung yet, the most wanted first. */
  readonly #waiting: CallTarget[][];
  readonly #redirected: RedirectedTargets;
  /** Branches that there have been: each has a relay session of its own. */
  #branchCount = 0;
  /** Timer C. */
  #giveUpAt = Number.POSITIVE_INFINITY;
  #last: Branch | undefined;
  #winner: Branch | undefined;
  #bestFailure: BranchFailure | undefined;
  #over = false;
  #rangAt: number | undefined;
  #answeredAt: number | undefined;
  #status: number | undefined;
  #invite: string | undefined;
  readonly #branchCallIds: string[] = [];
  readonly #invitedAt: number;

  constructor(host: CallHost, { id, incoming, targets, account, redirection, mediaAddress, invitedAt }: CallStart) {
    this.id = id;
    this.incoming = incoming;
    this.account = account;
    this.mediaAddress = mediaAddress ?? host.options.mediaAddress;
    this.#host = host;
    this.#waiting = ringGroups(targets);
    this.#redirected = new RedirectedTargets(targets, redirection);
    this.#invitedAt = invitedAt ?? host.now;
  }

  /** Goes on with an answered call of another process. Undefined: the snapshot cannot be read. `delayMs`: see `Branch.goOn`. */
  static resume(host: CallHost, snapshot: CallSnapshot, incoming: Incoming, delayMs: number): Call | undefined {
    const { id, account, mediaAddress, invitedAt } = snapshot;
    const call = new Call(host, { id, incoming, targets: [], account, mediaAddress, invitedAt });
    const branch = Branch.resume(call, host, incoming, snapshot);
    if (branch === undefined) {
      return undefined;
    }
    call.#branches.add(branch);
    call.#branchCallIds.push(branch.dialogs.callee.callId);
    call.#winner = branch;
    call.#last = branch;
    call.#rangAt = snapshot.ringingAt;
    call.#answeredAt = snapshot.answeredAt;
    call.#status = snapshot.status;
    branch.goOn(snapshot, delayMs);
    call.#report('resumed');
    return call;
  }

  /** A 2xx has gone to the caller. */
  get isAnswered(): boolean {
    return this.#answeredAt !== undefined;
  }

  start(): void {
    this.#giveUpAt = this.#host.now + this.#host.options.ringTimeoutMs;
    const branches = this.#nextGroup();
    this.#report('invited');
    this.#ring(branches);
  }

  /** An attempt that rings nobody: it has a record like any other. */
  refuse(status: number, reason: string): void {
    const { request, key, flow } = this.incoming;
    const toTag = this.#host.options.ids.tag();
    this.#report('invited');
    this.#host.respond(key, createResponse(request, status, { toTag, headers: failureHeaders(status, reason, flow) }));
    this.#finish('server', reason, status);
  }

  /** A provisional response has gone back to the caller. */
  handleProgress(branch: Branch, status: number): void {
    this.#last = branch;
    if (this.#rangAt === undefined && status >= 180) {
      this.#rangAt = this.#host.now;
      this.#report('ringing');
    }
  }

  /** A branch was answered. True: it has won, and the others are cancelled. */
  acceptAnswer(branch: Branch): boolean {
    if (this.#over || this.#winner !== undefined) {
      return false;
    }
    this.#winner = branch;
    this.#last = branch;
    this.#host.setDeadline(this, Number.POSITIVE_INFINITY);
    const reason = [['Reason', 'SIP;cause=200;text="Call completed elsewhere"']] as const;
    for (const other of this.#branches) {
      if (other !== branch) {
        this.#drop(other, reason);
      }
    }
    return true;
  }

  /** The winner's 2xx has gone to the caller. */
  handleAnswered(branch: Branch, status: number): void {
    if (this.#winner === branch && !this.#over) {
      this.#answeredAt = this.#host.now;
      this.#status = status;
      branch.handleAnswered();
      this.#report('answered');
    }
  }

  handleBranchFailure(branch: Branch, failure: BranchFailure): void {
    const { status } = failure.response;
    this.#branches.delete(branch);
    this.#last = branch;
    const [alternate, ...others] = branch.alternates;
    if (alternate !== undefined && isFlowFailure(failure) && !this.#over && this.#winner === undefined) {
      this.#branchTo({ ...alternate, alternates: others }).start();
      return;
    }
    if (!this.#over && this.#winner === undefined) {
      const elsewhere = this.#redirected.take(this.#host.now, failure.response);
      if (elsewhere.length > 0) {
        this.#startAll(elsewhere.map((target) => this.#branchTo(target)));
        return;
      }
    }
    if (this.#bestFailure === undefined || isBetterFailure(status, this.#bestFailure.response.status)) {
      this.#bestFailure = failure;
    }
    if (this.#over || this.#winner !== undefined) {
      return;
    }
    // A 6xx speaks for the user, not for one phone: nobody else need ring (RFC 3261 16.7 step 5).
    if (status >= 600) {
      for (const other of this.#branches) {
        this.#drop(other, []);
      }
    }
    if (this.#branches.size > 0) {
      return;
    }
    if (status < 600 && this.#waiting.length > 0) {
      this.#ring(this.#nextGroup());
    } else {
      this.#failWith(this.#bestFailure);
    }
  }

  handleCancel(request: SipRequest): void {
    if (!this.isAnswered && !this.#over) {
      const reason = reasonHeaders(request);
      for (const branch of this.#branches) {
        if (branch !== this.#winner) {
          this.#drop(branch, reason);
        }
      }
      this.end({ by: 'caller', reason: 'cancel', status: 487 });
    }
  }

  handleBye(branch: Branch, from: Side, request: SipRequest): void {
    if (branch === this.#winner || (from === 'caller' && this.#branches.size === 1)) {
      this.end({ by: from, reason: 'bye', bye: { from, request } });
      return;
    }
    // An early dialog is over, whoever left it: that branch has failed, the others ring on (RFC 3261 15, 15.1.2).
    branch.cancel(from === 'caller' ? reasonHeaders(request) : []);
    const response = createResponse(this.incoming.request, 487, { toTag: branch.dialogs.caller.localTag });
    this.handleBranchFailure(branch, { response, by: from, reason: 'bye' });
  }

  handleTimeout(): void {
    if (this.#host.now >= this.#giveUpAt) {
      this.#giveUp();
      return;
    }
    for (const branch of this.#branches) {
      this.#drop(branch, []);
    }
    this.#ring(this.#nextGroup());
  }

  /** Timer C: nobody answered. What a phone has said already tells the caller more (RFC 3261 16.7 step 6). */
  #giveUp(): void {
    const known = this.#bestFailure;
    if (known !== undefined && isBetterFailure(known.response.status, 408)) {
      for (const branch of this.#branches) {
        this.#drop(branch, []);
      }
      this.#failWith(known);
      return;
    }
    this.end({ by: 'server', reason: 'nobody answered in time', status: 408 });
  }

  /** Ends the call in whatever state it is. Idempotent. */
  end(end: CallEnd): void {
    if (this.#over) {
      return;
    }
    const winner = this.#winner;
    const status = this.#status ?? end.status ?? 487;
    if (!this.isAnswered) {
      const { request, key, flow } = this.incoming;
      const toTag = this.#last?.dialogs.caller.localTag;
      const reason = end.by === 'server' ? end.reason : undefined;
      this.#host.respond(
        key,
        createResponse(request, status, { toTag, headers: failureHeaders(status, reason, flow) }),
      );
    }
    // The caller of a call that was never answered has its final response now, and needs no BYE.
    const silent = this.isAnswered ? end.bye?.from : 'caller';
    winner?.hangUp(silent, end.bye?.request);
    for (const branch of this.#branches) {
      if (branch !== winner) {
        this.#drop(branch, []);
      }
    }
    this.#finish(end.by, end.reason, status);
  }

  /** A request within its dialogs is over. */
  handleChange(): void {
    if (this.isAnswered && !this.#over) {
      this.#report('changed');
    }
  }

  /** It goes on over another relay session. */
  handleMoved(): void {
    if (this.isAnswered && !this.#over) {
      this.#report('moved');
    }
  }

  /** @param delayMs where it has to move, it waits for so long: not all do so at once */
  handleRelayRestart(delayMs: number): void {
    for (const branch of this.#branches) {
      branch.care.handleRelayRestart(delayMs);
    }
  }

  /** The relay of these sessions is gone, and there are others. True: the call has to move. */
  handleRelayGone(isConcerned: (session: RelaySession) => boolean, delayMs: number): boolean {
    const concerned = [...this.#branches].filter(({ media }) => isConcerned(media.session));
    for (const branch of concerned) {
      branch.care.handleRelayGone(delayMs);
    }
    return concerned.length > 0;
  }

  #nextGroup(): Branch[] {
    return (this.#waiting.shift() ?? []).map((target) => this.#branchTo(target));
  }

  #branchTo(target: CallTarget): Branch {
    const index = this.#branchCount++;
    const instance = index === 0 ? this.id : `${this.id}.${index}`;
    const branch = Branch.ring(this, this.#host, this.incoming, target, instance);
    this.#branches.add(branch);
    this.#branchCallIds.push(branch.dialogs.callee.callId);
    this.#last = branch;
    return branch;
  }

  #ring(branches: readonly Branch[]): void {
    const { now, options } = this.#host;
    const turn = this.#waiting.length === 0 ? Number.POSITIVE_INFINITY : now + options.ringGroupMs;
    this.#host.setDeadline(this, Math.min(turn, this.#giveUpAt));
    this.#startAll(branches);
  }

  #startAll(branches: readonly Branch[]): void {
    for (const branch of branches) {
      // One that fails at once may end the call, or have the next ones rung.
      if (!this.#over && this.#branches.has(branch)) {
        branch.start();
      }
    }
  }

  #failWith({ response, by, reason }: BranchFailure): void {
    if (response.status === 430) {
      // To the caller it would say that its own flow has failed (RFC 5626 11.5).
      this.end({ by: 'server', reason: 'the device cannot be reached on any of its flows', status: 480 });
      return;
    }
    this.#host.respond(this.incoming.key, response);
    this.#finish(by, reason, response.status);
  }

  #drop(branch: Branch, headers: readonly (readonly [string, string])[]): void {
    this.#branches.delete(branch);
    branch.cancel(headers);
  }

  #finish(by: Side | 'server', reason: string, status: number): void {
    this.#over = true;
    this.#host.setDeadline(this, Number.POSITIVE_INFINITY);
    this.#status = status;
    this.#host.report({ kind: 'ended', record: { ...this.#record(), endedAt: this.#host.now, endedBy: by, reason } });
    this.#host.remove(this);
  }

  #report(kind: Exclude<CallEvent['kind'], 'ended'>): void {
    const snapshot = this.#snapshot();
    this.#host.report({ kind, record: this.#record(), ...(snapshot !== undefined && { snapshot }) });
  }

  #snapshot(): CallSnapshot | undefined {
    const branch = this.#winner;
    const { request, flow } = this.incoming;
    if (branch === undefined || this.#answeredAt === undefined || this.#status === undefined) {
      return undefined;
    }
    return {
      id: this.id,
      ...(this.account !== undefined && { account: this.account }),
      invite: this.#inviteText(request),
      flow,
      mediaAddress: this.mediaAddress,
      status: this.#status,
      invitedAt: this.#invitedAt,
      ...(this.#rangAt !== undefined && { ringingAt: this.#rangAt }),
      answeredAt: this.#answeredAt,
      ...branch.snapshot(),
    };
  }

  /** Base64. Formatted once: each turn of the call asks for it. */
  #inviteText(request: SipRequest): string {
    this.#invite ??= Buffer.from(formatMessage(request)).toString('base64');
    return this.#invite;
  }

  #record(): CallRecord {
    const { request, flow } = this.incoming;
    const branch = this.#winner ?? this.#last;
    const caller = request.headers.read(fromField);
    return {
      id: this.id,
      callId: request.headers.get('Call-ID') ?? '',
      fromTag: caller?.parameters.get('tag') ?? '',
      calleeCallId: branch?.dialogs.callee.callId,
      branchCallIds: this.#branchCallIds,
      caller: { uri: caller?.uri ?? '', address: clientOf(flow) },
      callee: { uri: request.uri, address: branch && clientOf(branch.dialogs.callee.flow) },
      invitedAt: this.#invitedAt,
      ringingAt: this.#rangAt,
      answeredAt: this.#answeredAt,
      endedAt: undefined,
      endedBy: undefined,
      status: this.#status,
      reason: undefined,
      relayPorts: {
        caller: [...(branch?.media.ports.caller ?? [])],
        callee: [...(branch?.media.ports.callee ?? [])],
      },
    };
  }
}
