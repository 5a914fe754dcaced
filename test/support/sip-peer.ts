import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { answerChallenge } from '../../src/sip/auth/digest-client.ts';
import { formatMessage } from '../../src/sip/message/format.ts';
import type { SipMessage, SipRequest, SipResponse } from '../../src/sip/message/message.ts';
import { parseMessage } from '../../src/sip/message/parse.ts';
import { createResponse } from '../../src/sip/message/response.ts';
import type { Scope } from './scope.ts';
import { waitFor } from './wait.ts';

/** One side of a call, by hand: it sends what the test says, and collects what comes. */
export class SipPeer {
  readonly received: SipMessage[] = [];
  readonly #socket: Socket;
  readonly #serverPort: number;

  private constructor(socket: Socket, serverPort: number) {
    this.#socket = socket;
    this.#serverPort = serverPort;
    socket.on('message', (bytes) => {
      const message = parseMessage(bytes);
      assert.ok(message.ok);
      this.received.push(message.value);
    });
  }

  static async open(scope: Scope, serverPort: number): Promise<SipPeer> {
    const socket = createSocket('udp4');
    scope.defer(() => void socket.close());
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new SipPeer(socket, serverPort);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get sdp(): string {
    return `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${this.port} RTP/AVP 0\r\n`;
  }

  send(text: string, body = ''): SipRequest {
    const head = `${text}\nVia: SIP/2.0/UDP 127.0.0.1:${this.port};branch=z9hG4bK${this.received.length}x${text.length};rport
Max-Forwards: 70
Contact: <sip:peer@127.0.0.1:${this.port}>
${body === '' ? '' : 'Content-Type: application/sdp\n'}Content-Length: ${body.length}\n\n`;
    const bytes = Buffer.from(head.replaceAll('\n', '\r\n') + body);
    this.#socket.send(bytes, this.#serverPort, '127.0.0.1');
    const message = parseMessage(bytes);
    assert.ok(message.ok && message.value.kind === 'request');
    return message.value;
  }

  answer(request: SipRequest, status: number, body = ''): void {
    const headers: [string, string][] = [['Contact', `<sip:peer@127.0.0.1:${this.port}>`]];
    if (body !== '') {
      headers.push(['Content-Type', 'application/sdp']);
    }
    const response = createResponse(request, status, { toTag: 'callee', headers, body: Buffer.from(body) });
    this.#socket.send(formatMessage(response), this.#serverPort, '127.0.0.1');
  }

  request(method: string): Promise<SipRequest> {
    return waitFor(`${method} at ${this.port}`, () =>
      this.received.find((message): message is SipRequest => message.kind === 'request' && message.method === method),
    );
  }

  response(status: number): Promise<SipResponse> {
    return waitFor(`${status} at ${this.port}`, () =>
      this.received.find((message): message is SipResponse => message.kind === 'response' && message.status === status),
    );
  }

  /** @param extra header lines of its own */
  async register(user: string, extra = ''): Promise<void> {
    const text = (cseq: number): string =>
      `REGISTER sip:127.0.0.1 SIP/2.0\nFrom: <sip:${user}@127.0.0.1>;tag=r\nTo: <sip:${user}@127.0.0.1>\nCall-ID: r${user}\nCSeq: ${cseq} REGISTER${extra === '' ? '' : `\n${extra}`}`;
    const first = this.send(text(1));
    const credentials = answerChallenge(await this.response(401), first, {
      username: user,
      password: '1234',
      cnonce: 'c',
    });
    this.send(`${text(2)}\n${credentials?.join(': ')}`);
    await this.response(200);
    this.received.length = 0;
  }
}
