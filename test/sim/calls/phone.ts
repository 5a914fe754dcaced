/** A telephone of the simulated world: it calls, rings, answers, holds and hangs up as its script says. */
import { AnswerRetransmission } from '../../../src/sip/dialog/answer-retransmission.ts';
import { Dialog } from '../../../src/sip/dialog/dialog.ts';
import { cseq as cseqField } from '../../../src/sip/message/headers/cseq.ts';
import { sessionExpires } from '../../../src/sip/message/headers/session-expires.ts';
import { to as toField } from '../../../src/sip/message/headers/to.ts';
import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts';
import { Parameters } from '../../../src/sip/message/parameters.ts';
import { parseMessage } from '../../../src/sip/message/parse.ts';
import { createResponse } from '../../../src/sip/message/response.ts';
import type { TransactionEffect, TransactionKey } from '../../../src/sip/transaction/effects.ts';
import type { Flow } from '../../../src/sip/transaction/flow.ts';
import { TransactionLayer } from '../../../src/sip/transaction/layer.ts';
import { countedIds } from '../../unit/sip/support.ts';
import { SERVER } from './server-node.ts';
import type { Address, Node, World } from './world.ts';

export interface PhoneScript {
  /** Preference that it registers with, 1 unless told (RFC 3261 10.2.1.2). */
  readonly q?: number;
  /** Milliseconds from the INVITE to the answer; never by default. */
  readonly answerAfterMs?: number;
  /** Refuses with this status instead, after the same time. */
  readonly refuseWith?: number;
  /** Header fields of that refusal: where a 302 leads. */
  readonly refusalHeaders?: HeaderLines;
  /** Milliseconds from the start of the conversation to BYE. */
  readonly hangUpAfterMs?: number;
  /** Caller: milliseconds from INVITE to CANCEL. */
  readonly cancelAfterMs?: number;
  /** Caller: the INVITE carries no SDP, the ACK does. */
  readonly lateOffer?: boolean;
  /** Milliseconds from the start of the conversation to a re-INVITE that holds. */
  readonly holdAfterMs?: number;
  /** Milliseconds between re-INVITEs that change nothing, as session timers send them (RFC 4028). */
  readonly refreshEveryMs?: number;
  /** Refuses every re-INVITE with this status, and SDP of its own. */
  readonly refuseReinvitesWith?: number;
  /** Header fields of its INVITEs, first and later ones. */
  readonly inviteHeaders?: HeaderLines;
  /** Header fields of its 2xx to INVITE and UPDATE. */
  readonly answerHeaders?: HeaderLines;
  /** Status for an UPDATE, 200 unless told. */
  readonly updateStatus?: number;
  /** Seconds; a session that is to be shorter is refused with 422 (RFC 4028). */
  readonly minSession?: number;
  /** Sends 183 with SDP before it rings. */
  readonly earlyMedia?: boolean;
  /** Does not answer BYE, or anything else, any more after this time. */
  readonly diesAfterMs?: number;
  /** Never sends the ACK for a 2xx. */
  readonly forgetsAck?: boolean;
  /** Does not hang up when its 200 is never acknowledged. */
  readonly patient?: boolean;
  /** What it says about its media in place of good SDP. */
  readonly brokenSdp?: boolean;
}

type HeaderLines = readonly (readonly [name: string, value: string])[];

export type PhoneState = 'idle' | 'calling' | 'ringing' | 'up' | 'over';

export class Phone implements Node {
  readonly at: Address;
  state: PhoneState = 'idle';
  /** Final status of the first INVITE, seen or given. */
  status: number | undefined;
  /** Who ended the conversation. */
  endedBy: 'me' | 'peer' | undefined;
  /** Bodies that arrived, in order. */
  readonly bodies: string[] = [];
  /** Final statuses of re-INVITEs of this phone. */
  readonly reinviteStatuses: number[] = [];
  reinvitesReceived = 0;
  readonly requests: SipRequest[] = [];
  readonly responses: SipResponse[] = [];
  readonly #world: World;
  readonly #script: PhoneScript;
  readonly #layer: TransactionLayer;
  readonly #ids;
  #dialog: Dialog | undefined;
  #invite: { readonly key: TransactionKey; readonly request: SipRequest; readonly reinvite: boolean } | undefined;
  #inviteClient: TransactionKey | undefined;
  #ack: { readonly cseq: number; readonly request: SipRequest } | undefined;
  #answer: { readonly response: SipResponse; readonly retransmission: AnswerRetransmission; cseq: number } | undefined;
  #sdpVersion = 0;
  #dead = false;

  constructor(world: World, address: string, script: PhoneScript = {}) {
    this.#world = world;
    this.at = { address, port: 5060 };
    this.#script = script;
    this.#ids = countedIds(`p${address.split('.').at(-1)}`);
    this.#layer = new TransactionLayer({ ids: this.#ids });
    world.add(this);
    if (script.diesAfterMs !== undefined) {
      world.after(script.diesAfterMs, () => {
        this.#dead = true;
      });
    }
  }

  call(user: string): void {
    const me = { displayName: undefined, uri: `sip:1001@${SERVER.address}`, parameters: Parameters.none };
    const target = `sip:${user}@${SERVER.address}`;
    this.#dialog = Dialog.asUac({
      callId: this.#ids.callId(),
      localTag: this.#ids.tag(),
      local: me,
      remote: { displayName: undefined, uri: target, parameters: Parameters.none },
      target,
      flow: this.#flow(),
    });
    this.state = 'calling';
    this.#sendInvite(this.#script.lateOffer === true ? '' : this.#sdp('sendrecv'));
    if (this.#script.cancelAfterMs !== undefined) {
      this.#world.after(this.#script.cancelAfterMs, () => {
        if (this.state === 'calling' && this.#inviteClient !== undefined) {
          this.#do(this.#layer.cancel(this.#world.now, this.#inviteClient));
        }
      });
    }
  }

  reinvite(direction: string): void {
    if (this.state === 'up' && this.#dialog !== undefined) {
      this.#sendInvite(this.#sdp(direction));
    }
  }

  hangUp(): void {
    if (this.state === 'up' && this.#dialog !== undefined) {
      this.state = 'over';
      this.endedBy = 'me';
      this.#request(this.#dialog.createRequest('BYE'));
    }
  }

  receive(now: number, bytes: Uint8Array, from: Address): void {
    const message = parseMessage(bytes);
    if (!message.ok) {
      throw new Error(`the server sent what does not parse: ${message.error.code}\n${Buffer.from(bytes)}`);
    }
    if (!this.#dead) {
      this.#do(this.#layer.handleMessage(now, message.value, { ...this.#flow(), remote: from }));
    }
  }

  nextTimeoutAt(): number {
    if (this.#dead) {
      return Number.POSITIVE_INFINITY;
    }
    const answer = this.#answer?.retransmission.nextTimeoutAt() ?? Number.POSITIVE_INFINITY;
    return Math.min(this.#layer.nextTimeoutAt(), answer);
  }

  handleTimeout(now: number): void {
    this.#do(this.#layer.handleTimeout(now));
    const answer = this.#answer;
    switch (answer?.retransmission.handleTimeout(now)) {
      case 'retransmit':
        this.#do(this.#layer.send(answer?.response as SipResponse, this.#flow()));
        break;
      case 'give-up':
        this.#answer = undefined;
        this.state = 'up';
        if (this.#script.patient !== true) {
          this.hangUp();
        }
        break;
      case undefined:
        break;
    }
  }

  #do(effects: readonly TransactionEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          this.#world.transmit(this.at, effect.flow.remote, effect.bytes);
          break;
        case 'request':
          this.#handleRequest(effect.key, effect.request);
          break;
        case 'ack':
          this.#handleAck(effect.request);
          break;
        case 'cancel':
          this.#respond(effect.key, (this.#invite as { request: SipRequest }).request, 487);
          this.state = 'over';
          this.status = 487;
          this.endedBy = 'peer';
          break;
        case 'response':
          this.responses.push(effect.response);
          this.#handleResponse(effect.response);
          break;
        case 'timeout':
          if (this.state === 'calling') {
            this.state = 'over';
            this.status = 408;
          }
          break;
        default:
          break;
      }
    }
  }

  #handleRequest(key: TransactionKey, request: SipRequest): void {
    this.requests.push(request);
    this.#noteBody(request);
    if (request.method === 'BYE') {
      this.#respond(key, request, 200);
      if (this.state !== 'over') {
        this.endedBy = 'peer';
      }
      this.state = 'over';
      this.#answer = undefined;
      return;
    }
    if (request.method === 'UPDATE') {
      this.#respond(key, request, this.#script.updateStatus ?? 200);
      return;
    }
    if (request.method !== 'INVITE') {
      this.#respond(key, request, 200);
      return;
    }
    if ((request.headers.read(sessionExpires)?.seconds ?? Infinity) < (this.#script.minSession ?? 0)) {
      this.#respond(key, request, 422, '', [['Min-SE', String(this.#script.minSession)]]);
      return;
    }
    if (request.headers.read(toField)?.parameters.has('tag')) {
      this.reinvitesReceived++;
      if (this.#script.refuseReinvitesWith !== undefined) {
        this.#respond(key, request, this.#script.refuseReinvitesWith, this.#sdp('sendrecv'));
        return;
      }
      this.#dialog?.refresh(request, this.#flow());
      this.#invite = { key, request, reinvite: true };
      this.#accept(this.#sdp('sendrecv'));
      return;
    }
    this.#dialog = Dialog.asUas(request, this.#ids.tag(), this.#flow());
    this.#invite = { key, request, reinvite: false };
    this.state = 'ringing';
    if (this.#script.earlyMedia === true) {
      this.#respond(key, request, 183, this.#sdp('sendrecv'));
    }
    this.#respond(key, request, 180);
    if (this.#script.answerAfterMs !== undefined) {
      this.#world.after(this.#script.answerAfterMs, () => this.#decide());
    }
  }

  #decide(): void {
    if (this.state !== 'ringing' || this.#invite === undefined) {
      return;
    }
    this.status = this.#script.refuseWith ?? 200;
    if (this.status >= 300) {
      this.#respond(this.#invite.key, this.#invite.request, this.status, '', this.#script.refusalHeaders);
      this.state = 'over';
      return;
    }
    this.#accept(this.#sdp('sendrecv'));
  }

  #accept(sdp: string): void {
    const { key, request } = this.#invite as { key: TransactionKey; request: SipRequest };
    const response = this.#respond(key, request, 200, sdp);
    const cseq = request.headers.read(cseqField)?.number ?? 0;
    this.#answer = { response, retransmission: new AnswerRetransmission(this.#world.now), cseq };
  }

  #handleAck(request: SipRequest): void {
    if (request.headers.read(cseqField)?.number !== this.#answer?.cseq) {
      return;
    }
    this.#answer = undefined;
    this.#noteBody(request);
    if (this.state === 'ringing') {
      this.#begin();
    }
  }

  #handleResponse(response: SipResponse): void {
    const cseq = response.headers.read(cseqField);
    if (cseq?.method !== 'INVITE' || this.#dialog === undefined) {
      return;
    }
    if (response.status < 200) {
      this.#noteBody(response);
      this.#dialog.update(response, this.#flow());
      return;
    }
    const isFirst = this.status === undefined;
    if (response.status >= 300) {
      if (isFirst) {
        this.status = response.status;
        this.state = 'over';
      } else {
        this.#noteBody(response);
        this.reinviteStatuses.push(response.status);
      }
      return;
    }
    if (this.#script.forgetsAck === true) {
      this.status ??= response.status;
      return;
    }
    if (this.#ack?.cseq === cseq.number) {
      this.#do(this.#layer.send(this.#ack.request, this.#flow()));
      return;
    }
    this.#noteBody(response);
    if (isFirst) {
      this.#dialog.update(response, this.#flow());
    }
    const late = isFirst && this.#script.lateOffer === true;
    const request = this.#dialog.createRequest('ACK', {
      cseq: cseq.number,
      body: late ? Buffer.from(this.#sdp('sendrecv')) : Buffer.alloc(0),
    });
    if (late) {
      request.headers.append('Content-Type', 'application/sdp');
    }
    this.#ack = { cseq: cseq.number, request };
    this.#do(this.#layer.send(request, this.#flow()));
    if (isFirst) {
      this.status = response.status;
      this.#begin();
    } else {
      this.reinviteStatuses.push(response.status);
    }
  }

  #begin(): void {
    this.state = 'up';
    if (this.#script.holdAfterMs !== undefined) {
      this.#world.after(this.#script.holdAfterMs, () => this.reinvite('sendonly'));
    }
    if (this.#script.refreshEveryMs !== undefined) {
      this.#refreshLater(this.#script.refreshEveryMs);
    }
    if (this.#script.hangUpAfterMs !== undefined) {
      this.#world.after(this.#script.hangUpAfterMs, () => this.hangUp());
    }
  }

  #refreshLater(everyMs: number): void {
    this.#world.after(everyMs, () => {
      if (this.state === 'up') {
        this.reinvite('sendrecv');
        this.#refreshLater(everyMs);
      }
    });
  }

  #sendInvite(sdp: string): void {
    const dialog = this.#dialog as Dialog;
    const request = dialog.createRequest('INVITE', { body: Buffer.from(sdp) });
    request.headers.append('Contact', `<sip:1001@${this.at.address}:${this.at.port}>`);
    if (sdp !== '') {
      request.headers.append('Content-Type', 'application/sdp');
    }
    for (const [name, value] of this.#script.inviteHeaders ?? []) {
      request.headers.append(name, value);
    }
    this.#inviteClient = this.#request(request);
  }

  #request(request: SipRequest): TransactionKey {
    request.headers.append('Max-Forwards', '70');
    const { key, effects } = this.#layer.request(this.#world.now, request, this.#flow());
    this.#do(effects);
    return key;
  }

  #respond(key: TransactionKey, request: SipRequest, status: number, sdp = '', more: HeaderLines = []): SipResponse {
    const headers: (readonly [string, string])[] = [
      ['Contact', `<sip:phone@${this.at.address}:${this.at.port}>`],
      ...more,
    ];
    if (status >= 200 && status < 300 && (request.method === 'INVITE' || request.method === 'UPDATE')) {
      headers.push(...(this.#script.answerHeaders ?? []));
    }
    if (sdp !== '') {
      headers.push(['Content-Type', 'application/sdp']);
    }
    const toTag = this.#dialog?.localTag;
    const response = createResponse(request, status, { toTag, headers, body: Buffer.from(sdp) });
    this.#do(this.#layer.respond(this.#world.now, key, response));
    return response;
  }

  #sdp(direction: string): string {
    if (this.#script.brokenSdp === true) {
      return 'v=0\r\nm=audio nonsense\r\n';
    }
    const { address } = this.at;
    const lines = [
      'v=0',
      `o=- 1 ${++this.#sdpVersion} IN IP4 ${address}`,
      's=-',
      `c=IN IP4 ${address}`,
      't=0 0',
      'm=audio 4000 RTP/AVP 0',
      `a=${direction}`,
      '',
    ];
    return lines.join('\r\n');
  }

  #noteBody(message: SipRequest | SipResponse): void {
    if (message.body.length > 0) {
      this.bodies.push(Buffer.from(message.body).toString());
    }
  }

  #flow(): Flow {
    return { transport: 'udp', local: this.at, remote: SERVER, sentBy: this.at };
  }
}
