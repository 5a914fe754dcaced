/** Scenarios of sipp, written step by step in place of XML files: both sides take turns, so that nothing needs a pause. */

export interface Payload {
  /** Header lines. */
  readonly headers?: readonly string[];
  readonly type?: string;
  readonly body?: string;
}

/** Audio, with a direction. The addresses are sipp's own. */
export function audio(direction = 'sendrecv'): Payload {
  const lines = ['v=0', 'o=sipp 1 1 IN IP4 [local_ip]', 's=-', 'c=IN IP4 [local_ip]', 't=0 0'];
  const media = ['m=audio @MEDIA_PORT@ RTP/AVP 0', 'a=rtpmap:0 PCMU/8000', `a=${direction}`];
  return { type: 'application/sdp', body: [...lines, ...media].join('\n') };
}

export class SippScript {
  readonly #steps: string[] = [];
  /** What is kept of messages: the peer's and our own From or To, and of its INVITE what the answer has to repeat. */
  readonly #variables = new Set<string>();
  readonly #side: 'caller' | 'callee';
  #cseq = 0;
  /** Of its last INVITE. */
  #inviteCseq = 0;

  private constructor(side: 'caller' | 'callee') {
    this.#side = side;
  }

  /** Calls `[service]`: INVITE, the challenge, INVITE with credentials (CSeq 2). */
  static calls(payload: Payload = audio()): SippScript {
    const script = new SippScript('caller');
    script.#outside('INVITE', payload);
    script.#steps.push(optional(100), '<recv response="407" auth="true"/>');
    script.acknowledgesFailure();
    return script.#outside('INVITE', { ...payload, headers: [...(payload.headers ?? []), '[authentication]'] });
  }

  /** Is called; what it answers comes next. */
  static isCalled(): SippScript {
    return new SippScript('callee').#getsInvite(false);
  }

  /** Somebody who never calls: a request outside of any dialog, by a user who proves nothing. */
  static asks(method: string, payload: Payload): SippScript {
    return new SippScript('caller').#outside(method, payload);
  }

  /** A request within the dialog. */
  sends(method: string, payload: Payload = {}): this {
    this.#count(method);
    return this.#send(this.#requestLines(method, '[next_url]', this.#cseq, payload), true);
  }

  /** Sends a request and gets 200. */
  asks(method: string, payload: Payload = {}): this {
    return this.sends(method, payload).gets(200);
  }

  /** Gets a response. To an INVITE, 100 and 180 may come before. */
  gets(status: number): this {
    const remember = status > 100 && status < 300 ? this.#saves({ remote: 'To' }) : '';
    this.#steps.push(optional(100), optional(180));
    this.#steps.push(`<recv response="${status}" rrs="true">${remember}</recv>`);
    return this;
  }

  /** ACK for the 2xx to its last INVITE. */
  acknowledges(payload: Payload = {}): this {
    return this.#send(this.#requestLines('ACK', '[next_url]', this.#inviteCseq, payload));
  }

  /** ACK for the failure of its first INVITE. */
  acknowledgesFailure(): this {
    return this.#send(this.#requestLines('ACK', OUTSIDE, this.#inviteCseq, {}));
  }

  /** INVITE within the call, until it is acknowledged. */
  reinvites(payload: Payload): this {
    return this.sends('INVITE', payload).gets(200).acknowledges();
  }

  /** Gets a request, and answers it. */
  answers(method: string, payload: Payload = {}, status = 200): this {
    this.#steps.push(`<recv request="${method}"/>`);
    const copied = ['[last_Via:]', '[last_From:]', '[last_To:]', '[last_Call-ID:]', '[last_CSeq:]'];
    return this.#send([`SIP/2.0 ${status} OK`, ...copied, CONTACT, ...bodyLines(payload)]);
  }

  /** Gets an INVITE within the call; `responds` answers it. */
  getsReinvite(): this {
    return this.#getsInvite(true);
  }

  /** Response to the INVITE that came last. */
  responds(status: number, payload: Payload = {}): this {
    const tag = this.#side === 'callee' ? ';tag=[pid]u[call_number]' : '';
    const to = this.#answersReinvite ? 'To:[$local]' : `To:[$local]${tag}`;
    const copied = ['Via:[$via]', 'From:[$remote]', to, 'Call-ID: [call_id]', 'CSeq:[$cseq]'];
    return this.#send([`SIP/2.0 ${status} Said`, ...copied, CONTACT, ...bodyLines(payload)], status >= 200);
  }

  /** Until the test says `proceed`. */
  waits(): this {
    this.#steps.push('<recv request="INFO"/>');
    return this;
  }

  getsAck(): this {
    this.#steps.push('<recv request="ACK"/>');
    return this;
  }

  toString(): string {
    // sipp refuses a variable that is never read.
    const read = this.#variables.size === 0 ? '' : `<Reference variables="${[...this.#variables].join(',')}"/>`;
    const all = [...this.#steps, read];
    return `<?xml version="1.0" encoding="UTF-8" ?>\n<scenario name="${this.#side}">\n${all.join('\n')}\n</scenario>\n`;
  }

  #answersReinvite = false;

  #getsInvite(again: boolean): this {
    this.#answersReinvite = again;
    const names = { remote: 'From', local: 'To', via: 'Via', cseq: 'CSeq' };
    this.#steps.push(`<recv request="INVITE" rrs="true">${this.#saves(names)}</recv>`);
    return this;
  }

  #outside(method: string, payload: Payload): this {
    this.#count(method);
    const lines = this.#requestLines(method, OUTSIDE, this.#cseq, payload, '');
    return this.#send(lines, true);
  }

  #requestLines(method: string, uri: string, cseq: number, payload: Payload, peerTag = '[peer_tag_param]'): string[] {
    const caller = ' <sip:@CALLER@@[remote_ip]:[remote_port]>;tag=[pid]c[call_number]';
    const callee = ` <sip:[service]@[remote_ip]:[remote_port]>${peerTag}`;
    const isNew = uri === OUTSIDE;
    const local =
      this.#side === 'caller' ? caller : this.#answersReinvite ? '[$local]' : '[$local];tag=[pid]u[call_number]';
    return [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK[pid]-[call_number]-${branchOf(method, cseq, isNew)};rport`,
      'Max-Forwards: 70',
      `From:${local}`,
      `To:${isNew ? callee : '[$remote]'}`,
      'Call-ID: [call_id]',
      `CSeq: ${cseq} ${method}`,
      CONTACT,
      ...bodyLines(payload),
    ];
  }

  #saves(names: Readonly<Record<string, string>>): string {
    const actions = Object.entries(names).map(([variable, header]) => {
      this.#variables.add(variable);
      return `<ereg regexp=".*" search_in="hdr" header="${header}:" assign_to="${variable}"/>`;
    });
    return `<action>${actions.join('')}</action>`;
  }

  #count(method: string): void {
    this.#cseq++;
    this.#inviteCseq = method === 'INVITE' ? this.#cseq : this.#inviteCseq;
  }

  #send(lines: readonly string[], retransmits = false): this {
    this.#steps.push(`<send${retransmits ? ' retrans="500"' : ''}><![CDATA[\n\n${lines.join('\n')}\n\n]]></send>`);
    return this;
  }
}

const CONTACT = 'Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>';

/** Request-URI outside of a dialog. */
const OUTSIDE = 'sip:[service]@[remote_ip]:[remote_port]';

/** The ACK for a failure belongs to its INVITE's transaction (RFC 3261 17.1.1.3), that for a 2xx does not. */
function branchOf(method: string, cseq: number, ofFailure: boolean): string {
  return ofFailure ? `new-${cseq}` : `${method}-${cseq}`;
}

function bodyLines({ headers = [], type, body }: Payload): string[] {
  return body === undefined
    ? [...headers, 'Content-Length: 0']
    : [...headers, `Content-Type: ${type}`, 'Content-Length: [len]', '', body];
}

function optional(status: number): string {
  return `<recv response="${status}" optional="true"/>`;
}
