/** The SIP server as a whole, one request at a time: who is let in, and what the rest is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerChallenge } from '../../../../src/sip/auth/digest-client.ts';
import { DigestServer } from '../../../../src/sip/auth/digest-server.ts';
import type { SipMessage, SipRequest, SipResponse } from '../../../../src/sip/message/message.ts';
import { createResponse } from '../../../../src/sip/message/response.ts';
import type { SipServerEffect } from '../../../../src/sip/methods/effects.ts';
import { SipServer } from '../../../../src/sip/methods/server.ts';
import type { TransactionEffect } from '../../../../src/sip/transaction/effects.ts';
import { TransactionLayer } from '../../../../src/sip/transaction/layer.ts';
import { countedIds, overTheWire, parsed, reparsed, udpFlow } from '../support.ts';

const NEARBY = '192.168.1.20';
const FAR = '203.0.113.9';
const TRUNK = '198.51.100.77';

class Harness {
  readonly layer = new TransactionLayer({ ids: countedIds('l') });
  readonly server: SipServer;
  readonly effects: SipServerEffect[] = [];
  readonly sent: SipMessage[] = [];
  #requests = 0;

  constructor() {
    const accounts = new Map(
      [
        { user: '1001', password: '1234', isPublished: true },
        { user: '1002', password: '1234', isPublished: true },
        { user: 'alice', password: 'wonder', isPublished: false },
      ].map((account) => [account.user, account]),
    );
    this.server = new SipServer({
      layer: this.layer,
      digest: new DigestServer({ realm: 'test', secret: new Uint8Array(32) }),
      b2bua: {
        ids: countedIds('s'),
        maxCalls: 10,
        maxCallsPerUser: 0,
        ringTimeoutMs: 180_000,
        ringGroupMs: 20_000,
        followsRedirects: true,
        sessionSeconds: 1800,
        minSessionSeconds: 90,
        mediaCheckIntervalMs: 20_000,
        relayTimeoutMs: 60_000,
        mediaAddress: '192.0.2.100',
      },
      registrar: { minExpiresSeconds: 60, maxExpiresSeconds: 3600, maxBindingsPerAor: 2 },
      directory: { accounts, domains: ['192.0.2.100', 'ims.example'] },
      trustedPeers: [TRUNK],
      bans: { maxFailures: 3, windowMs: 600_000, banMs: 900_000 },
      guard: { maxFailures: 7, windowMs: 600_000, guardMs: 900_000 },
      mailboxes: { perUser: 3, keepMs: 3_600_000 },
      date: () => 'Mon, 23 Nov 2026 12:00:00 GMT',
    });
    this.server.directory.setRoutes([
      { prefix: '00', host: '198.51.100.88:5060', flow: udpFlow({ address: '198.51.100.88', port: 5060 }) },
    ]);
  }

  /** What is sent because of a message from that address. */
  deliver(message: SipMessage, from = NEARBY): SipMessage[] {
    const before = this.sent.length;
    this.#do(this.layer.handleMessage(0, message, this.#flow(from)));
    return this.sent.slice(before);
  }

  /** The request that goes out because of one with a password. */
  forward(text: string, from = NEARBY): SipRequest {
    const challenge = from === TRUNK ? undefined : this.ask(text, from);
    const request = this.#request(text);
    const credentials =
      challenge && answerChallenge(challenge, request, { username: 'alice', password: 'wonder', cnonce: 'c' });
    const sent = this.deliver(this.#request(credentials ? `${text}\n${credentials.join(': ')}` : text), from);
    const forwarded = sent.find((message) => message.kind === 'request');
    assert.ok(forwarded?.kind === 'request', 'a request goes out');
    return forwarded;
  }

  /** Every response to a request under that branch, the same one when the branch is the same. */
  receive(text: string, branch: string, from = NEARBY): SipResponse[] {
    const before = this.sent.length;
    const message = parsed(
      text.replace(
        '\n',
        `\nVia: SIP/2.0/UDP host;branch=z9hG4bK${branch};rport\nCall-ID: c\nCSeq: 1 ${text.split(' ')[0]}\n`,
      ),
    );
    this.#do(this.layer.handleMessage(0, message, this.#flow(from)));
    return this.sent.slice(before).filter((sent) => sent.kind === 'response');
  }

  /** The final response to a request from that address. */
  ask(text: string, from = NEARBY): SipResponse {
    const before = this.sent.length;
    this.#do(this.layer.handleMessage(0, overTheWire(this.#request(text)), this.#flow(from)));
    const response = this.sent.slice(before).find((message) => message.kind === 'response' && message.status >= 200);
    assert.ok(response?.kind === 'response', 'a final response');
    return response;
  }

  /** As `ask`, with the answer to the challenge that comes first. */
  askWithPassword(text: string, username: string, password: string, from = NEARBY): SipResponse {
    const challenge = this.ask(text, from);
    const request = this.#request(text);
    const credentials = answerChallenge(challenge, request, { username, password, cnonce: 'c1' });
    assert.ok(credentials !== undefined, `${challenge.status} is a challenge`);
    return this.ask(`${text}\n${credentials.join(': ')}`, from);
  }

  /** `192.0.2.1`, or `192.0.2.1 by 127.0.0.1`: told by a proxy there. */
  #flow(from: string) {
    const [client = '', proxy] = from.split(' by ');
    return { ...udpFlow({ address: proxy ?? client, port: 5062 }), ...(proxy !== undefined && { client }) };
  }

  /** Each request is a new one: Via, Call-ID and the tag are filled in. */
  #request(text: string): SipRequest {
    const id = ++this.#requests;
    const [start, ...fields] = text.split('\n');
    const method = start?.split(' ')[0] ?? '';
    const message = parsed(
      [
        start,
        `Via: SIP/2.0/UDP host;branch=z9hG4bKx${id};rport`,
        ...(fields.some((field) => field.startsWith('Max-Forwards')) ? [] : ['Max-Forwards: 70']),
        `Call-ID: call${id}`,
        `CSeq: ${id} ${method}`,
        ...fields,
      ].join('\n'),
    );
    assert.equal(message.kind, 'request');
    return message as SipRequest;
  }

  #do(effects: readonly (TransactionEffect | SipServerEffect)[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          this.sent.push(reparsed(effect));
          break;
        case 'relay':
        case 'call':
        case 'registration':
        case 'mail':
        case 'denied':
        case 'guarded':
        case 'banned':
          this.effects.push(effect);
          break;
        default:
          this.#do(this.server.handleTransaction(0, effect));
      }
    }
  }
}

const registerText = (user: string, extra = `Contact: <sip:${user}@${NEARBY}:5062>`, domain = 'ims.example'): string =>
  `REGISTER sip:${domain} SIP/2.0\nFrom: <sip:${user}@${domain}>;tag=f\nTo: <sip:${user}@${domain}>\n${extra}`;

const inviteText = (from: string, uri: string, extra = ''): string =>
  `INVITE ${uri} SIP/2.0\nFrom: <sip:${from}>;tag=f\nTo: <${uri}>\nContact: <sip:x@${NEARBY}:5062>${extra}`;

test('REGISTER: 401, then 200 with the contact and its time', () => {
  const harness = new Harness();
  const ok = harness.askWithPassword(registerText('alice'), 'alice', 'wonder');
  assert.equal(ok.status, 200);
  assert.equal(ok.headers.get('Contact'), `<sip:alice@${NEARBY}:5062>;expires=3600`);
  assert.equal(harness.server.registrar.lookup(0, 'alice').length, 1);
});

test('a user is the same by every name of this server', () => {
  const harness = new Harness();
  for (const domain of ['ims.example', '192.0.2.100', 'localhost', '127.0.0.1:5060', 'IMS.Example.']) {
    const contact = `Contact: <sip:alice@${NEARBY}:5062>`;
    assert.equal(
      harness.askWithPassword(registerText('alice', contact, domain), 'alice', 'wonder').status,
      200,
      domain,
    );
  }
  assert.equal(harness.server.registrar.lookup(0, 'alice').length, 1);
});

test('an unknown user and a wrong password get the same answer', () => {
  const harness = new Harness();
  assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'wrong').status, 401);
  assert.equal(harness.askWithPassword(registerText('nobody'), 'nobody', 'wrong').status, 401);
  assert.deepEqual(
    harness.effects.map((effect) => (effect.kind === 'denied' ? effect.reason : effect.kind)),
    ['unknown user or wrong password', 'unknown user or wrong password'],
  );
});

test('who guesses passwords is not answered any more; his guesses under a forged address ban nobody', () => {
  const harness = new Harness();
  const [guesser, victim] = ['198.51.100.7', '198.51.100.8'];
  for (let count = 0; count < 10; count++) {
    // The challenge went to the guesser: what comes from another address with it proves nothing about that one.
    const challenge = harness.ask(registerText('alice'), guesser);
    const request = parsed(
      registerText('alice').replace('\n', '\nVia: SIP/2.0/UDP h;branch=z9hG4bKf\nCall-ID: f\nCSeq: 1 REGISTER\n'),
    );
    assert.ok(request.kind === 'request');
    const credentials = answerChallenge(challenge, request, { username: 'alice', password: 'guess', cnonce: 'c' });
    assert.equal(harness.ask(`${registerText('alice')}\n${credentials?.join(': ')}`, victim).status, 401);
  }
  for (let count = 0; count < 3; count++) {
    assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'guess', guesser).status, 401);
  }
  assert.deepEqual(
    harness.effects.flatMap((effect) => (effect.kind === 'banned' ? [effect.ban.source] : [])),
    [guesser],
  );
  assert.deepEqual(harness.receive(registerText('alice'), 'afterwards', guesser), []);
  assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'wonder', victim).status, 200);
  harness.server.bans.lift(0, guesser);
  assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'wonder', guesser).status, 200);
});

test('behind a proxy that tells of them clients are judged one by one, and none is this machine', () => {
  const harness = new Harness();
  const [guesser, other] = [`${FAR} by 127.0.0.1`, '198.51.100.8 by 127.0.0.1'];
  for (let count = 0; count < 3; count++) {
    assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'guess', guesser).status, 401);
  }
  assert.deepEqual(
    harness.server.bans.list(0).map(({ source }) => source),
    [FAR],
  );
  assert.deepEqual(harness.receive(registerText('alice'), 'afterwards', guesser), []);
  assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'wonder', other).status, 200);
  assert.equal(harness.askWithPassword(registerText('1001'), '1001', '1234', other).status, 403, 'published password');
});

test('an account that many addresses guess at opens only where it has opened before, and tells nobody a right guess', () => {
  const harness = new Harness();
  const [home, cafe] = ['198.51.100.200', '198.51.100.201'];
  assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'wonder', home).status, 200);
  for (let source = 0; source < 7; source++) {
    assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'guess', `198.51.100.${source}`).status, 401);
  }
  assert.deepEqual(
    harness.effects.flatMap((effect) => (effect.kind === 'guarded' ? [effect.guarded.user] : [])),
    ['alice'],
  );
  assert.deepEqual(harness.server.bans.list(0), [], 'no address was wrong often enough');
  assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'wonder', '198.51.100.7').status, 401);
  assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'wonder', home).status, 200);
  assert.equal(
    harness.askWithPassword(registerText('1001'), '1001', '1234', NEARBY).status,
    200,
    'others are not guarded',
  );
  assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'wonder', cafe).status, 401);
  assert.equal(harness.server.guard.lift(0, 'alice'), 1);
  assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'wonder', cafe).status, 200);
});

test('this machine and trusted peers are never banned', () => {
  const harness = new Harness();
  for (let count = 0; count < 10; count++) {
    assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'guess', '127.0.0.1').status, 401);
    assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'guess', TRUNK).status, 401);
  }
  assert.deepEqual(harness.server.bans.list(0), []);
});

test('one user may not register another: 403', () => {
  const harness = new Harness();
  assert.equal(harness.askWithPassword(registerText('alice'), '1001', '1234').status, 403);
});

test('a published password opens from a private network, not from the Internet', () => {
  const harness = new Harness();
  assert.equal(harness.askWithPassword(registerText('1001'), '1001', '1234', NEARBY).status, 200);
  const refused = harness.askWithPassword(registerText('1002'), '1002', '1234', FAR);
  assert.equal(refused.status, 403);
  assert.match(refused.headers.get('Warning') ?? '', /published password/);
  assert.equal(harness.askWithPassword(registerText('alice'), 'alice', 'wonder', FAR).status, 200);
});

test('REGISTER with a brief expiry: 423 with Min-Expires; with * and Expires 0: none left', () => {
  const harness = new Harness();
  const brief = harness.askWithPassword(
    registerText('alice', `Contact: <sip:alice@${NEARBY}>;expires=10`),
    'alice',
    'wonder',
  );
  assert.equal(brief.status, 423);
  assert.equal(brief.headers.get('Min-Expires'), '60');
  harness.askWithPassword(registerText('alice'), 'alice', 'wonder');
  const removed = harness.askWithPassword(registerText('alice', 'Contact: *\nExpires: 0'), 'alice', 'wonder');
  assert.equal(removed.status, 200);
  assert.equal(removed.headers.get('Contact'), undefined);
  assert.equal(harness.server.registrar.lookup(0, 'alice').length, 0);
  const mixed = registerText('alice', 'Contact: *, <sip:alice@x>\nExpires: 0');
  assert.equal(harness.askWithPassword(mixed, 'alice', 'wonder').status, 400);
});

test('REGISTER for another domain: 404, and the Warning names the option', () => {
  const response = new Harness().ask(registerText('alice', '', 'elsewhere.example'));
  assert.equal(response.status, 404);
  assert.match(response.headers.get('Warning') ?? '', /ims\.domains/);
});

test('INVITE: 407, then 404 for a stranger, 480 for a user who is not there', () => {
  const harness = new Harness();
  const ask = (uri: string): SipResponse =>
    harness.askWithPassword(inviteText('alice@ims.example', uri), 'alice', 'wonder');
  assert.equal(harness.ask(inviteText('alice@ims.example', 'sip:1001@ims.example')).status, 407);
  assert.equal(ask('sip:nobody@ims.example').status, 404);
  assert.equal(ask('sip:1001@ims.example').status, 480);
  assert.equal(ask('sip:bob@elsewhere.example').status, 404);
  assert.equal(ask('sip:ims.example').status, 404);
  const records = harness.effects.filter((effect) => effect.kind === 'call' && effect.event.kind === 'ended');
  assert.equal(records.length, 4);
});

test('no open relay: a stranger is challenged whatever he calls, a trusted peer reaches only our users', () => {
  const harness = new Harness();
  assert.equal(harness.ask(inviteText('mallory@elsewhere.example', 'sip:x@elsewhere.example'), FAR).status, 407);
  const claims = inviteText('mallory@elsewhere.example', 'sip:1001@ims.example');
  assert.equal(harness.askWithPassword(claims, 'alice', 'wonder', FAR).status, 403);
  assert.equal(harness.ask(inviteText('pstn@carrier.example', 'sip:x@elsewhere.example'), TRUNK).status, 403);
  assert.equal(harness.ask(inviteText('pstn@carrier.example', 'sip:00491234@ims.example'), TRUNK).status, 403);
  assert.equal(harness.ask(inviteText('pstn@carrier.example', 'sip:1001@ims.example'), TRUNK).status, 480);
});

test('a call of a user goes to the device, or by the longest static route, without his credentials', () => {
  const harness = new Harness();
  harness.askWithPassword(registerText('1001'), '1001', '1234');
  const dial = (uri: string): SipRequest => {
    const text = inviteText('alice@ims.example', uri, '\nP-Asserted-Identity: <sip:king@ims.example>\nX-Keep: me');
    const challenge = harness.ask(text);
    const credentials = answerChallenge(
      challenge,
      { method: 'INVITE', uri },
      { username: 'alice', password: 'wonder', cnonce: 'c' },
    );
    const before = harness.sent.length;
    assert.throws(() => harness.ask(`${text}\n${credentials?.join(': ')}`), /a final response/);
    const invite = harness.sent.slice(before).find((message) => message.kind === 'request');
    assert.ok(invite?.kind === 'request');
    return invite;
  };
  const toDevice = dial('sip:1001@ims.example');
  assert.equal(toDevice.uri, `sip:1001@${NEARBY}:5062`);
  assert.equal(toDevice.headers.has('Proxy-Authorization'), false);
  assert.equal(toDevice.headers.get('P-Asserted-Identity'), '<sip:alice@192.0.2.100>');
  assert.equal(toDevice.headers.get('X-Keep'), 'me');
  assert.equal(toDevice.headers.get('Max-Forwards'), '69');
  assert.equal(toDevice.headers.getAll('Via').length, 1);
  assert.equal(dial('sip:00491234@ims.example').uri, 'sip:00491234@198.51.100.88:5060');
});

test('OPTIONS: 200 with what is taken, without a password', () => {
  const response = new Harness().ask(
    'OPTIONS sip:192.0.2.100 SIP/2.0\nFrom: <sip:x@y>;tag=f\nTo: <sip:192.0.2.100>',
    FAR,
  );
  assert.equal(response.status, 200);
  for (const method of [
    'INVITE',
    'ACK',
    'CANCEL',
    'BYE',
    'REGISTER',
    'OPTIONS',
    'UPDATE',
    'PRACK',
    'INFO',
    'MESSAGE',
  ]) {
    assert.ok(response.headers.getAll('Allow').includes(method), method);
  }
  assert.equal(response.headers.get('Accept'), 'application/sdp');
});

const refused: readonly (readonly [what: string, text: string, status: number])[] = [
  ['a scheme that is not understood', inviteText('a@b', 'urn:service:sos'), 416],
  ['no hops left', inviteText('a@b', 'sip:1001@ims.example', '\nMax-Forwards: 0'), 483],
  ['an unknown Require', inviteText('a@b', 'sip:1001@ims.example', '\nRequire: teleport, 100rel'), 420],
  ['any Proxy-Require', inviteText('a@b', 'sip:1001@ims.example', '\nProxy-Require: sec-agree'), 420],
  ['a method that nobody knows', 'FLY sip:ims.example SIP/2.0\nFrom: <sip:a@b>;tag=f\nTo: <sip:c@d>', 501],
  ['BYE without a dialog', 'BYE sip:ims.example SIP/2.0\nFrom: <sip:a@b>;tag=f\nTo: <sip:c@d>', 481],
  ['BYE in an unknown dialog', 'BYE sip:ims.example SIP/2.0\nFrom: <sip:a@b>;tag=f\nTo: <sip:c@d>;tag=none', 481],
  [
    're-INVITE in an unknown dialog',
    inviteText('a@b', 'sip:x@ims.example').replace('To: <sip:x@ims.example>', 'To: <sip:x@y>;tag=q'),
    481,
  ],
  ['SUBSCRIBE', 'SUBSCRIBE sip:alice@ims.example SIP/2.0\nFrom: <sip:a@b>;tag=f\nTo: <sip:c@d>\nEvent: presence', 489],
  ['PUBLISH', 'PUBLISH sip:alice@ims.example SIP/2.0\nFrom: <sip:a@b>;tag=f\nTo: <sip:c@d>\nEvent: presence', 489],
  ['OPTIONS for another domain', 'OPTIONS sip:elsewhere.example SIP/2.0\nFrom: <sip:a@b>;tag=f\nTo: <sip:c@d>', 404],
];

for (const [what, text, status] of refused) {
  test(`${what}: ${status}`, () => {
    const harness = new Harness();
    const response = harness.ask(text);
    assert.equal(response.status, status);
    assert.equal(harness.layer.serverCount, 0, 'nothing is kept of what nobody has signed');
    if (status === 420) {
      assert.match(response.headers.get('Unsupported') ?? '', /teleport|sec-agree/);
      assert.doesNotMatch(response.headers.get('Unsupported') ?? '', /100rel/);
    }
    assert.deepEqual(
      Object.values(harness.server.b2bua.tableSizes()).filter((size) => size > 0),
      [],
    );
  });
}

test('MESSAGE to a user who is away: 202, and it goes out when he registers; to a stranger or a number it is refused', () => {
  const harness = new Harness();
  const text = (to: string): string =>
    `MESSAGE sip:${to}@ims.example SIP/2.0\nFrom: <sip:alice@ims.example>;tag=f\nTo: <sip:${to}@ims.example>`;
  assert.equal(harness.askWithPassword(text('1001'), 'alice', 'wonder').status, 202);
  assert.equal(harness.askWithPassword(text('nobody'), 'alice', 'wonder').status, 404);
  assert.equal(harness.ask(text('1001'), FAR).status, 407, 'nothing is kept for strangers');
  assert.deepEqual(
    [...harness.server.mailboxes.all()].map(({ aor }) => aor),
    ['1001'],
  );
  const before = harness.sent.length;
  assert.equal(harness.askWithPassword(registerText('1001'), '1001', '1234').status, 200);
  const requests = harness.sent.slice(before).filter((message) => message.kind === 'request');
  assert.deepEqual(
    requests.map(({ method, uri }) => [method, uri]),
    [['MESSAGE', `sip:1001@${NEARBY}:5062`]],
  );
});

test('MESSAGE goes to all devices; the first 2xx is the answer', () => {
  const harness = new Harness();
  harness.askWithPassword(registerText('1001'), '1001', '1234');
  harness.askWithPassword(registerText('1001', 'Contact: <sip:1001@192.168.1.21:5062>'), '1001', '1234');
  const text = 'MESSAGE sip:1001@ims.example SIP/2.0\nFrom: <sip:alice@ims.example>;tag=f\nTo: <sip:1001@ims.example>';
  const challenge = harness.ask(text);
  const credentials = answerChallenge(
    challenge,
    { method: 'MESSAGE', uri: 'sip:1001@ims.example' },
    { username: 'alice', password: 'wonder', cnonce: 'c' },
  );
  const before = harness.sent.length;
  assert.throws(() => harness.ask(`${text}\n${credentials?.join(': ')}`), /a final response/);
  const forwarded = harness.sent.slice(before).filter((message) => message.kind === 'request');
  assert.deepEqual(
    forwarded.map((message) => (message.kind === 'request' ? message.uri : '')).sort(),
    [`sip:1001@${NEARBY}:5062`, 'sip:1001@192.168.1.21:5062'].sort(),
  );
  assert.ok(forwarded.every(({ headers }) => !headers.has('Contact')));
});

test('strangers leave nothing behind: one challenge a request, the same tag for the same request', () => {
  const harness = new Harness();
  const invite = inviteText('alice@ims.example', 'sip:1001@ims.example');
  for (const text of [invite, registerText('alice'), invite.replaceAll('INVITE', 'MESSAGE')]) {
    harness.ask(text, FAR);
  }
  const [first, again] = [harness.receive(invite, 'same'), harness.receive(invite, 'same')];
  assert.deepEqual(
    [first, again].map((answers) => answers.map((answer) => answer.status)),
    [[407], [407]],
  );
  assert.equal(first[0]?.headers.get('To'), again[0]?.headers.get('To'));
  assert.match(first[0]?.headers.get('To') ?? '', /;tag=[0-9a-f]{20}$/);
  assert.notEqual(harness.receive(invite, 'other')[0]?.headers.get('To'), first[0]?.headers.get('To'));
  const ack = invite.replace('INVITE', 'ACK').replace(/^To: .*$/m, `To: ${first[0]?.headers.get('To')}`);
  assert.deepEqual(harness.receive(ack, 'same'), []);
  assert.equal(harness.layer.serverCount, 0);
  assert.equal(harness.layer.nextTimeoutAt(), Number.POSITIVE_INFINITY);
});

test('REGISTER with header fields in the URI of the Contact: 400', () => {
  const contact = `Contact: <sip:alice@${NEARBY}:5062?Route=%3Csip:evil%3E>`;
  assert.equal(new Harness().askWithPassword(registerText('alice', contact), 'alice', 'wonder').status, 400);
});

const LIES = [
  ['P-Asserted-Identity', '<sip:king@ims.example>'],
  ['P-Preferred-Identity', '<sip:king@ims.example>'],
  ['Remote-Party-ID', '<sip:king@ims.example>;party=calling'],
  ['Diversion', '<sip:king@ims.example>;reason=unconditional'],
  ['History-Info', '<sip:king@ims.example>;index=1'],
] as const;

const LIES_TEXT = `\n${LIES.map((lie) => lie.join(': ')).join('\n')}`;

const identityOf = ({ headers }: SipMessage): string[] => LIES.flatMap(([name]) => headers.getLines(name));

const messageText = (extra: string, to = '1001'): string =>
  `MESSAGE sip:${to}@ims.example SIP/2.0\nFrom: <sip:alice@ims.example>;tag=f\nTo: <sip:${to}@ims.example>${extra}`;

test('what users and callees say of identities does not cross, in no direction', () => {
  const harness = new Harness();
  harness.askWithPassword(registerText('1001'), '1001', '1234');
  const text = harness.forward(messageText(LIES_TEXT));
  assert.deepEqual(identityOf(text), ['<sip:alice@192.0.2.100>']);
  const [answer] = harness.deliver(createResponse(text, 200, { toTag: 'callee', headers: LIES }));
  assert.ok(answer?.kind === 'response' && answer.status === 200);
  assert.deepEqual(identityOf(answer), []);

  const uri = 'sip:1001@ims.example';
  const invite = harness.forward(inviteText('alice@ims.example', uri, LIES_TEXT));
  assert.deepEqual(identityOf(invite), ['<sip:alice@192.0.2.100>']);
  const contact = ['Contact', `<sip:1001@${NEARBY}:5062>`] as const;
  const [ringing] = harness.deliver(createResponse(invite, 180, { toTag: 'callee', headers: [contact, ...LIES] }));
  assert.ok(ringing?.kind === 'response' && ringing.status === 180);
  assert.deepEqual(identityOf(ringing), []);
  const info = [
    `INFO ${uri} SIP/2.0`,
    'Via: SIP/2.0/UDP host;branch=z9hG4bKinfo;rport',
    `From: ${invite.headers.get('To')};tag=callee`,
    `To: ${invite.headers.get('From')}`,
    `Call-ID: ${invite.headers.get('Call-ID')}`,
    `CSeq: 7 INFO${LIES_TEXT}`,
  ];
  const crossed = harness.deliver(parsed(info.join('\n'))).find((message) => message.kind === 'request');
  assert.ok(crossed?.kind === 'request' && crossed.method === 'INFO');
  assert.deepEqual(identityOf(crossed), []);
});

test('a trusted peer may say who calls; who wants privacy is not named to a phone (RFC 3325 7)', () => {
  const harness = new Harness();
  harness.askWithPassword(registerText('1001'), '1001', '1234');
  const known = harness.forward(messageText(LIES_TEXT), TRUNK);
  assert.deepEqual(
    identityOf(known),
    LIES.map(([, value]) => value),
  );
  assert.deepEqual(identityOf(harness.forward(messageText(`${LIES_TEXT}\nPrivacy: header;id`), TRUNK)), []);
  assert.deepEqual(identityOf(harness.forward(messageText('\nPrivacy: id'))), []);
});

test('REGISTER with thousands of contacts: 403 before any of them is read', () => {
  const harness = new Harness();
  const line = `Contact: ${Array.from({ length: 290 }, (_, index) => `<sip:${index}>`).join(',')}`;
  const text = registerText('alice', Array.from({ length: 20 }, () => line).join('\n'));
  assert.equal(harness.askWithPassword(text, 'alice', 'wonder').status, 403);
  assert.equal(harness.server.registrar.size, 0);
});

const INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"';

/** What a proxy at the edge sends on: its Via below the one that is filled in stands for the phone's. */
const throughEdge = (path: string, extra: string): string =>
  registerText('alice', `Via: SIP/2.0/UDP phone;branch=z9hG4bKphone\nPath: ${path}\n${extra}`);

test('REGISTER through proxies: Path is told to who supports it, and is the Route of what goes there (RFC 3327)', () => {
  const path = '<sip:p2.example;lr>, <sip:p1.example:5080;lr;ob>';
  const contact = 'Contact: <sip:alice@10.1.1.1>';
  const harness = new Harness();
  const told = harness.askWithPassword(throughEdge(path, `Supported: path\n${contact}`), 'alice', 'wonder');
  assert.equal(told.status, 200);
  assert.deepEqual(told.headers.getAll('Path'), ['<sip:p2.example;lr>', '<sip:p1.example:5080;lr;ob>']);
  for (const text of [messageText('', 'alice'), inviteText('1001@x', 'sip:alice@ims.example')]) {
    const request = harness.forward(text, TRUNK);
    assert.equal(request.uri, 'sip:alice@10.1.1.1');
    assert.deepEqual(request.headers.getAll('Route'), ['<sip:p2.example;lr>', '<sip:p1.example:5080;lr;ob>']);
  }
  const untold = harness.askWithPassword(throughEdge(path, contact), 'alice', 'wonder');
  assert.equal(untold.headers.has('Path'), false);
  assert.equal(harness.askWithPassword(throughEdge('<sip:p', contact), 'alice', 'wonder').status, 400);
  const many = Array.from({ length: 21 }, (_, index) => `<sip:p${index}.example;lr>`).join(', ');
  assert.equal(harness.askWithPassword(throughEdge(many, contact), 'alice', 'wonder').status, 400);
});

test('Flow-Timer tells a phone that keeps its flow how often to send a keep-alive, and nobody else (RFC 5626 4.4.1)', () => {
  const harness = new Harness();
  const limits = { minExpiresSeconds: 60, maxExpiresSeconds: 3600, maxBindingsPerAor: 2 };
  harness.server.registrar.reconfigure({ ...limits, flowTimerSeconds: 25 });
  const contact = `Supported: path, outbound\nContact: <sip:alice@${NEARBY}:5062>;reg-id=1;${INSTANCE}`;
  const flowTimer = (text: string) =>
    harness.askWithPassword(registerText('alice', text), 'alice', 'wonder').headers.get('Flow-Timer');
  assert.equal(flowTimer(contact), '25');
  assert.equal(flowTimer(contact.replace(', outbound', '')), undefined);
});

test('REGISTER with a flow of its own: Require tells that it is kept; 439 behind a proxy that keeps none (RFC 5626 6)', () => {
  const harness = new Harness();
  const contact = `Supported: path, outbound\nContact: <sip:alice@${NEARBY}:5062>;reg-id=1;${INSTANCE}`;
  const status = (text: string): number => harness.askWithPassword(text, 'alice', 'wonder').status;
  const direct = harness.askWithPassword(registerText('alice', contact), 'alice', 'wonder');
  assert.deepEqual(direct.headers.getAll('Require'), ['outbound']);
  assert.match(direct.headers.get('Contact') ?? '', /;reg-id=1;/);
  assert.equal(direct.headers.has('Flow-Timer'), false);
  assert.equal(status(throughEdge('<sip:p2.example;lr>, <sip:p1.example;lr;ob>', contact)), 200);
  assert.equal(status(throughEdge('<sip:p2.example;lr;ob>, <sip:p1.example;lr>', contact)), 439);
  assert.equal(status(registerText('alice', `Via: SIP/2.0/UDP phone;branch=z9hG4bKphone\n${contact}`)), 439);
  assert.equal(
    status(registerText('alice', `${contact}\n${contact.split('\n')[1]?.replace('reg-id=1', 'reg-id=2')}`)),
    400,
  );
  // Who does not know of it is registered as ever.
  const plain = registerText('alice', contact.replace(', outbound', ''));
  assert.equal(harness.askWithPassword(plain, 'alice', 'wonder').headers.has('Require'), false);
  assert.equal(status(registerText('alice', `Require: outbound\n${contact}`)), 200);
  assert.equal(harness.server.registrar.lookup(0, 'alice').length, 1);
});
