/**
 * A phone as a web page has it: sip.js over a WebSocket. There is no WebRTC in Node, so its session descriptions are the
 * test's: plain RTP of a party of the test's own.
 */
import assert from 'node:assert/strict';
import { type BodyAndContentType, type Invitation, Inviter, Registerer, type Session, UserAgent } from 'sip.js';
import { WebSocket } from 'ws';
import type { RtpParty } from './rtp-party.ts';
import type { Scope } from './scope.ts';
import { type MediaLine, mediaOf } from './sip-log.ts';
import { waitFor } from './wait.ts';

export interface BrowserPhoneOptions {
  readonly user: string;
  /** `ws://127.0.0.1:8080`, or `wss://`. */
  readonly server: string;
  readonly media: RtpParty;
}

export class BrowserPhone {
  readonly #agent: UserAgent;
  readonly #registerer: Registerer;
  #session: Session | undefined;
  #told: string | undefined;

  private constructor(options: BrowserPhoneOptions) {
    const uri = UserAgent.makeURI(`sip:${options.user}@127.0.0.1`);
    assert.ok(uri);
    this.#agent = new UserAgent({
      uri,
      transportOptions: { server: options.server },
      authorizationUsername: options.user,
      authorizationPassword: '1234',
      logBuiltinEnabled: false,
      sessionDescriptionHandlerFactory: () => this.#descriptions(options.media),
      delegate: {
        onInvite: (invitation: Invitation) => {
          this.#session = invitation;
          void invitation.accept();
        },
      },
    });
    this.#registerer = new Registerer(this.#agent);
  }

  /** Resolves when it is registered. It answers every call at once. */
  static async start(scope: Scope, options: BrowserPhoneOptions): Promise<BrowserPhone> {
    // What a browser has of itself, and Node 20 has not.
    Object.assign(globalThis, { WebSocket });
    const phone = new BrowserPhone(options);
    scope.defer(() => phone.#agent.stop());
    await phone.#agent.start();
    const answer = await new Promise<number>((resolve, reject) => {
      const requestDelegate = {
        onAccept: ({ message }: { message: { statusCode?: number | undefined } }) => resolve(message.statusCode ?? 0),
        onReject: ({ message }: { message: { statusCode?: number | undefined } }) => resolve(message.statusCode ?? 0),
      };
      phone.#registerer.register({ requestDelegate }).catch(reject);
    });
    assert.equal(answer, 200, 'the registration is accepted');
    return phone;
  }

  async call(uri: string): Promise<void> {
    const target = UserAgent.makeURI(uri);
    assert.ok(target);
    const inviter = new Inviter(this.#agent, target);
    this.#session = inviter;
    await inviter.invite();
  }

  /** The call is answered, and the ACK has come or gone. */
  async established(): Promise<void> {
    await waitFor('a call at the browser', () => this.#session?.state === 'Established');
  }

  async hangUp(): Promise<void> {
    await this.#session?.bye();
  }

  async ended(): Promise<void> {
    await waitFor('the end of the call at the browser', () => this.#session?.state === 'Terminated');
  }

  /** Where it was told to send its audio. */
  get remoteAudio(): MediaLine {
    const [audio] = mediaOf({
      direction: 'received',
      startLine: '',
      text: `\n\n${(this.#told ?? '').replaceAll('\r\n', '\n')}`,
    });
    assert.ok(audio, 'a session description');
    return audio;
  }

  #descriptions(media: RtpParty) {
    const own = [
      'v=0',
      `o=- 1 1 IN IP4 ${media.address}`,
      's=-',
      `c=IN IP4 ${media.address}`,
      't=0 0',
      `m=audio ${media.port} RTP/AVP 0`,
      'a=rtpmap:0 PCMU/8000',
      'a=sendrecv',
      '',
    ].join('\r\n');
    return {
      close: () => {},
      hasDescription: (type: string) => type === 'application/sdp',
      getDescription: async (): Promise<BodyAndContentType> => ({ body: own, contentType: 'application/sdp' }),
      setDescription: async (sdp: string) => {
        this.#told = sdp;
      },
      sendDtmf: () => false,
    };
  }
}
