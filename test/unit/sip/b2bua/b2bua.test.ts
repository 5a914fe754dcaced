/** The B2BUA by itself: what crosses, what is mapped, and that no order of messages makes it throw. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { B2bua } from '../../../../src/sip/b2bua/b2bua.ts';
import type { B2buaEffect } from '../../../../src/sip/b2bua/effects.ts';
import type { SipRequest, SipResponse } from '../../../../src/sip/message/message.ts';
import { createResponse } from '../../../../src/sip/message/response.ts';
import type { TransactionKey } from '../../../../src/sip/transaction/effects.ts';
import { countedIds, overTheWire, parsed, udpFlow } from '../support.ts';

const CALLER = udpFlow({ address: '192.0.2.11', port: 5060 });
const CALLEE = udpFlow({ address: '192.0.2.21', port: 5060 });

const sdp = (address: string, extra = ''): string =>
  `v=0\r\no=- 1 1 IN IP4 ${address}\r\ns=-\r\nc=IN IP4 ${address}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n${extra}`;

type Sent<K extends B2buaEffect['kind']> = Extract<B2buaEffect, { kind: K }>;

class Bench {
  readonly b2bua = new B2bua({
    maxCalls: 5,
    maxCallsPerUser: 0,
    ringTimeoutMs: 180_000,
    ringGroupMs: 20_000,
    followsRedirects: true,
    sessionSeconds: 1800,
    minSessionSeconds: 90,
    mediaCheckIntervalMs: 20_000,
    relayTimeoutMs: 60_000,
    mediaAddress: '203.0.113.1',
    ids: countedIds('x'),
  });
  readonly effects: B2buaEffect[] = [];
  now = 0;
  /** The relay knows no session of before. */
  hasForgotten = false;
  #keys = 0;
  #port = 10_000;

  /** Takes the effects, and answers relay commands at once. */
  do(effects: readonly B2buaEffect[]): void {
    for (const effect of effects) {
      this.effects.push(effect);
      if (effect.kind === 'relay') {
        const { id, command } = effect;
        const ports = command.kind === 'publish' ? command.streams.map(() => (this.#port += 2)) : [];
        const isLost = this.hasForgotten && command.kind === 'check';
        const outcome = isLost ? ({ kind: 'lost' } as const) : ({ kind: 'done', ports } as const);
        this.do(this.b2bua.handleRelayOutcome(this.now, id, outcome));
      }
    }
  }

  key(): TransactionKey {
    return `server-${++this.#keys}` as TransactionKey;
  }

  last<K extends B2buaEffect['kind']>(kind: K): Sent<K> {
    const found = this.effects.findLast((effect): effect is Sent<K> => effect.kind === kind);
    assert.ok(found, `a ${kind}`);
    return found;
  }

  invite(extra = '', body = sdp('192.0.2.11')): void {
    const request = message(
      'INVITE sip:1002@ims SIP/2.0',
      'From: <sip:1001@ims>;tag=a\nTo: <sip:1002@ims>',
      7,
      extra,
      body,
    );
    const incoming = { key: this.key(), request, flow: CALLER };
    this.do(this.b2bua.startCall(this.now, incoming, [{ uri: 'sip:1002@192.0.2.21', flow: CALLEE }]));
  }

  /** The transferee's INVITE: a call of its own, from elsewhere. */
  transfer(replaces: string): void {
    const dialog = `From: <sip:1003@ims>;tag=c${++this.#keys}\nTo: <sip:1002@ims>`;
    const request = message('INVITE sip:1002@ims SIP/2.0', dialog, 1, `Replaces: ${replaces}`, sdp('192.0.2.31'));
    const incoming = { key: this.key(), request, flow: CALLER };
    this.do(this.b2bua.startCall(this.now, incoming, [{ uri: 'sip:1002@192.0.2.21', flow: CALLEE }]));
  }

  /** A response of the callee to the last request that it got. */
  respond(status: number, extra: [string, string][] = [], body = '', request = this.last('request')): void {
    const headers: [string, string][] = [['Contact', '<sip:1002@192.0.2.21>'], ...extra];
    if (body !== '') {
      headers.push(['Content-Type', 'application/sdp']);
    }
    const sent = overTheWire(withVia(request.request));
    const response = overTheWire(createResponse(sent, status, { toTag: 'b', headers, body: Buffer.from(body) }));
    this.do(this.b2bua.handleResponse(this.now, request.id, response, CALLEE));
  }

  /** A request of the caller within its dialog. */
  fromCaller(method: string, cseq: number, extra = '', body = ''): void {
    const tag = /tag=([^;]+)/.exec(this.last('respond').response.headers.get('To') ?? '')?.[1];
    const dialog = `From: <sip:1001@ims>;tag=a\nTo: <sip:1002@ims>;tag=${tag}`;
    const request = message(`${method} sip:1002@192.0.2.100 SIP/2.0`, dialog, cseq, extra, body);
    this.do(
      method === 'ACK'
        ? this.b2bua.handleAck(this.now, request, CALLER)
        : this.b2bua.handleRequest(this.now, { key: this.key(), request, flow: CALLER }),
    );
  }

  /** A call that is answered and acknowledged. */
  up(): void {
    this.invite();
    this.respond(200, [], sdp('192.0.2.21'));
    this.fromCaller('ACK', 7);
  }
}

function withVia(request: SipRequest): SipRequest {
  const { headers } = request;
  return headers.has('Via')
    ? request
    : { ...request, headers: headers.clone().prepend('Via', 'SIP/2.0/UDP us;branch=z9hG4bKu') };
}

function message(start: string, dialog: string, cseq: number, extra = '', body = ''): SipRequest {
  const method = start.split(' ')[0];
  const type = body === '' || extra.includes('Content-Type') ? '' : 'Content-Type: application/sdp\n';
  const text = `${start}
Via: SIP/2.0/UDP 192.0.2.11;branch=z9hG4bK${method}${cseq};rport
${dialog}
Call-ID: call@192.0.2.11
CSeq: ${cseq} ${method}
Contact: <sip:1001@192.0.2.11>
${extra === '' ? '' : `${extra}\n`}${type}`;
  const head = parsed(text);
  assert.equal(head.kind, 'request');
  return { ...(head as SipRequest), body: Buffer.from(body, 'latin1') };
}

test('the callee gets ids, Via and Contact of ours; what is not of one leg crosses as it was spelled', () => {
  const bench = new Bench();
  bench.invite(
    'Max-Forwards: 10\nRecord-Route: <sip:p;lr>\nUser-Agent: Phone 1\nX-CuStOm:  kept\nSubject: hello\nSupported: 100rel, timer',
  );
  const { request, flow } = bench.last('request');
  assert.equal(request.uri, 'sip:1002@192.0.2.21');
  assert.deepEqual(flow.remote, CALLEE.remote);
  assert.notEqual(request.headers.get('Call-ID'), 'call@192.0.2.11');
  assert.doesNotMatch(request.headers.get('From') ?? '', /tag=a\b/);
  assert.equal(request.headers.get('Max-Forwards'), '9');
  assert.equal(request.headers.get('Contact'), '<sip:1001@192.0.2.100:5060>');
  assert.equal(request.headers.get('X-Custom'), 'kept');
  assert.equal([...request.headers.entries()].find(([name]) => name === 'X-CuStOm')?.[1], 'kept');
  assert.deepEqual(request.headers.getAll('Supported'), ['100rel', 'timer']);
  for (const hidden of ['Via', 'Record-Route', 'User-Agent']) {
    assert.equal(request.headers.has(hidden), false, hidden);
  }
  assert.match(Buffer.from(request.body).toString(), /c=IN IP4 203\.0\.113\.1\r\nt=0 0\r\nm=audio 10002 /);
});

test('a redirection is passed on with its contacts (RFC 3261 8.3)', () => {
  const bench = new Bench();
  bench.invite();
  const request = bench.last('request');
  const response = createResponse(withVia(request.request), 302, {
    toTag: 'b',
    headers: [['Contact', '<sip:elsewhere@203.0.113.5>;q=0.5']],
  });
  bench.do(bench.b2bua.handleResponse(0, request.id, response, CALLEE));
  const answer = bench.last('respond').response;
  assert.equal(answer.status, 302);
  assert.equal(answer.headers.get('Contact'), '<sip:elsewhere@203.0.113.5>;q=0.5');
  assert.equal(bench.b2bua.callCount, 0);
});

test('PRACK crosses, and its RAck names the INVITE by the CSeq of the other leg (RFC 3262)', () => {
  const bench = new Bench();
  bench.invite('Supported: 100rel');
  bench.respond(
    183,
    [
      ['Require', '100rel'],
      ['RSeq', '41'],
    ],
    sdp('192.0.2.21'),
  );
  const progress = bench.last('respond').response;
  assert.equal(progress.headers.get('RSeq'), '41');
  assert.equal(progress.headers.get('Require'), '100rel');
  bench.fromCaller('PRACK', 8, 'RAck: 41 7 INVITE');
  const { request } = bench.last('request');
  assert.equal(request.method, 'PRACK');
  assert.equal(request.headers.get('RAck'), '41 1 INVITE');
  assert.equal(request.headers.get('CSeq'), '2 PRACK');
  bench.respond(200);
  assert.match(bench.last('respond').response.headers.get('CSeq') ?? '', /8 PRACK/);
});

test('early UPDATE with SDP is an offer through the relay, its 200 the answer (RFC 3311)', () => {
  const bench = new Bench();
  bench.invite();
  bench.respond(183, [], sdp('192.0.2.21'));
  bench.fromCaller('UPDATE', 8, '', sdp('192.0.2.11', 'a=sendonly\r\n'));
  assert.match(Buffer.from(bench.last('request').request.body).toString(), /c=IN IP4 203\.0\.113\.1/);
  bench.respond(200, [], sdp('192.0.2.21', 'a=recvonly\r\n'));
  const answer = bench.last('respond').response;
  assert.match(Buffer.from(answer.body).toString(), /c=IN IP4 203\.0\.113\.1/);
  assert.match(answer.headers.get('Contact') ?? '', /192\.0\.2\.100/);
});

test('INFO, MESSAGE and methods that nobody knows cross with their bodies', () => {
  const bench = new Bench();
  bench.up();
  for (const [index, method] of ['INFO', 'MESSAGE', 'NEWFANGLED'].entries()) {
    bench.fromCaller(method, 8 + index, 'Content-Type: application/dtmf-relay\nX-Note: n', 'Signal=5\r\n');
    const { request } = bench.last('request');
    assert.equal(request.method, method);
    assert.equal(Buffer.from(request.body).toString(), 'Signal=5\r\n');
    assert.equal(request.headers.get('Content-Type'), 'application/dtmf-relay');
    assert.equal(request.headers.has('Contact'), false);
    bench.respond(200);
    assert.equal(bench.last('respond').response.status, 200);
  }
});

test('a multipart body keeps its other parts, and Content-Type its boundary', () => {
  const bench = new Bench();
  const body = `--b\r\nContent-Type: application/sdp\r\n\r\n${sdp('192.0.2.11')}\r\n--b\r\nContent-Type: application/isup\r\n\r\n\x01\xfe\r\n--b--\r\n`;
  bench.invite('Content-Type: multipart/mixed;boundary=b', body);
  const { request } = bench.last('request');
  const text = Buffer.from(request.body).toString('latin1');
  assert.match(text, /c=IN IP4 203\.0\.113\.1/);
  assert.ok(text.endsWith('\r\n--b\r\nContent-Type: application/isup\r\n\r\n\x01\xfe\r\n--b--\r\n'));
  assert.equal(request.headers.get('Content-Type'), 'multipart/mixed;boundary=b');
});

test('481 to a re-INVITE ends the call (RFC 3261 12.2.1.2), to INFO it does not (RFC 5057 5.1)', () => {
  const bench = new Bench();
  bench.up();
  bench.fromCaller('INVITE', 8, '', sdp('192.0.2.11'));
  bench.respond(488);
  assert.equal(bench.last('respond').response.status, 488);
  assert.equal(bench.b2bua.callCount, 1);
  bench.fromCaller('INFO', 9);
  bench.respond(481);
  assert.equal(bench.last('respond').response.status, 481);
  assert.equal(bench.b2bua.callCount, 1);
  bench.fromCaller('INVITE', 10, '', sdp('192.0.2.11'));
  bench.respond(481);
  assert.equal(bench.b2bua.callCount, 0);
  assert.equal(
    bench.effects.filter((effect) => effect.kind === 'request' && effect.request.method === 'BYE').length,
    2,
  );
});

test('SDP in a failure does not cross, other bodies do', () => {
  const bench = new Bench();
  bench.up();
  bench.fromCaller('INFO', 8);
  bench.respond(488, [], sdp('192.0.2.21'));
  assert.equal(bench.last('respond').response.body.length, 0);
  assert.equal(bench.last('respond').response.headers.has('Content-Type'), false);
});

test('peers of RFC 2543 have no tags: their call is like any other', () => {
  const bench = new Bench();
  bench.invite();
  const { id, request } = bench.last('request');
  const headers: [string, string][] = [
    ['Contact', '<sip:1002@192.0.2.21>'],
    ['Content-Type', 'application/sdp'],
  ];
  const response = createResponse(withVia(request), 200, { headers, body: Buffer.from(sdp('192.0.2.21')) });
  response.headers.remove('To');
  response.headers.append('To', request.headers.get('To') ?? '');
  bench.do(bench.b2bua.handleResponse(0, id, overTheWire(response), CALLEE));
  bench.fromCaller('ACK', 7);
  bench.fromCaller('INFO', 8);
  assert.equal(bench.last('request').request.method, 'INFO');
  assert.doesNotMatch(bench.last('request').request.headers.get('To') ?? '', /tag=/);
});

test('BYE by the caller on one early dialog ends only that branch (RFC 3261 15)', () => {
  const bench = new Bench();
  const request = message('INVITE sip:1002@ims SIP/2.0', 'From: <sip:1001@ims>;tag=a\nTo: <sip:1002@ims>', 7);
  const targets = [1, 2].map((n) => ({ uri: `sip:1002@192.0.2.2${n}`, flow: CALLEE }));
  bench.do(bench.b2bua.startCall(0, { key: bench.key(), request, flow: CALLER }, targets));
  for (const sent of bench.effects.filter((effect) => effect.kind === 'request')) {
    bench.respond(180, [], '', sent);
  }
  bench.fromCaller('BYE', 8);
  assert.equal(bench.effects.filter((effect) => effect.kind === 'cancel').length, 1);
  assert.equal(bench.b2bua.callCount, 1);
  const [first] = bench.effects.filter((effect) => effect.kind === 'request');
  bench.respond(200, [], '', first);
  assert.equal(bench.last('respond').response.status, 200);
  assert.equal(bench.b2bua.callCount, 1);
});

test('a body that hides what it holds is refused: 415 with Accept-Encoding, 400 for two types', () => {
  const bench = new Bench();
  bench.invite('Content-Encoding: gzip');
  assert.equal(bench.last('respond').response.status, 415);
  assert.equal(bench.last('respond').response.headers.get('Accept-Encoding'), 'identity');
  const other = new Bench();
  other.invite('Content-Type: text/plain\nContent-Type: application/sdp');
  assert.equal(other.last('respond').response.status, 400);
  assert.equal(other.b2bua.callCount, 0);
  const plain = new Bench();
  plain.invite('Content-Encoding: identity');
  assert.equal(plain.last('request').request.method, 'INVITE');
});

test('the callee’s Contact crosses in a redirection and a 485 only', () => {
  for (const [status, crosses] of [
    [302, true],
    [485, true],
    [486, false],
    [603, false],
  ] as const) {
    const bench = new Bench();
    bench.invite();
    bench.respond(status);
    assert.equal(bench.last('respond').response.headers.has('Contact'), crosses, `${status}`);
  }
});

test('BYE while a re-INVITE is open: 487 for that, BYE for the other side', () => {
  const bench = new Bench();
  bench.up();
  bench.fromCaller('INVITE', 8, '', sdp('192.0.2.11'));
  bench.fromCaller('BYE', 9, 'Reason: Q.850;cause=16');
  const statuses = bench.effects.flatMap((effect) => (effect.kind === 'respond' ? [effect.response.status] : []));
  assert.deepEqual(statuses.slice(-2), [200, 487]);
  assert.equal(bench.last('request').request.method, 'BYE');
  assert.equal(bench.last('request').request.headers.get('Reason'), 'Q.850;cause=16');
  assert.equal(bench.b2bua.callCount, 0);
});

test('an older CSeq is answered 500, a foreign From tag 481', () => {
  const bench = new Bench();
  bench.up();
  bench.fromCaller('INFO', 7);
  assert.equal(bench.last('respond').response.status, 500);
  const tag = /tag=([^;]+)/.exec(bench.last('respond').response.headers.get('To') ?? '')?.[1];
  const stranger = message(
    'INFO sip:x SIP/2.0'.replace('sip:x', 'sip:x@h'),
    `From: <sip:1001@ims>;tag=zz\nTo: <sip:1002@ims>;tag=${tag}`,
    20,
  );
  bench.do(bench.b2bua.handleRequest(0, { key: bench.key(), request: stranger, flow: CALLER }));
  assert.equal(bench.last('respond').response.status, 481);
});

test('the same INVITE by two ways: 482 for the second (RFC 3261 8.2.2.2)', () => {
  const bench = new Bench();
  bench.invite();
  bench.invite();
  assert.equal(bench.last('respond').response.status, 482);
  assert.equal(bench.b2bua.callCount, 1);
});

/** Mostly what makes a call go on, now and then what breaks it. */
const body = (address: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(sdp(address)) },
    { weight: 3, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: fc.constant('v=0\r\nm=x') },
  );

/** What a peer may do next, in any order. `which` counts from the latest. */
const step = fc.oneof(
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('invite' as const), body: body('192.0.2.11') }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('respond' as const),
      status: fc.constantFrom(100, 180, 183, 200, 200, 200, 202, 302, 408, 481, 486, 491, 503, 603),
      which: fc.nat(5),
      body: body('192.0.2.21'),
      tag: fc.constantFrom('b', 'b', 'b', 'c', undefined),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('request' as const),
      method: fc.constantFrom('ACK', 'ACK', 'INVITE', 'INVITE', 'UPDATE', 'PRACK', 'INFO', 'CANCEL', 'BYE', 'X'),
      which: fc.nat(5),
      fromCallee: fc.boolean(),
      body: body('192.0.2.11'),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('relay' as const),
      outcome: fc.oneof(
        { weight: 20, arbitrary: fc.constant('done' as const) },
        { weight: 1, arbitrary: fc.constantFrom('lost' as const, 'failed' as const) },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fail' as const), which: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('time' as const),
      milliseconds: fc.constantFrom(100, 1000, 20_000, 64_000, 200_000),
    }),
  },
);

test('no order of messages, outcomes and time makes it throw, and shutting down leaves nothing', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      const bench = new Bench();
      const { b2bua } = bench;
      const waiting: number[] = [];
      const requests: Sent<'request'>[] = [];
      const answers: { key: TransactionKey; response: SipResponse }[] = [];
      let cseq = 1;
      const take = (effects: readonly B2buaEffect[]): void => {
        for (const effect of effects) {
          if (effect.kind === 'relay') {
            waiting.push(effect.id);
          } else if (effect.kind === 'request') {
            overTheWire(withVia(effect.request));
            requests.push(effect);
          } else if (effect.kind === 'respond') {
            overTheWire(effect.response);
            answers.push(effect);
          }
        }
      };
      const pick = <T>(list: readonly T[], which: number): T | undefined =>
        list.at(-1 - (which % Math.max(1, list.length)));
      for (const action of steps) {
        switch (action.kind) {
          case 'invite': {
            const dialog = `From: <sip:1001@ims>;tag=a${cseq}\nTo: <sip:1002@ims>`;
            const request = message('INVITE sip:1002@ims SIP/2.0', dialog, cseq++, '', action.body);
            const targets = [1, 2].map((n) => ({ uri: `sip:1002@192.0.2.2${n}`, flow: CALLEE }));
            take(b2bua.startCall(bench.now, { key: bench.key(), request, flow: CALLER }, targets));
            break;
          }
          case 'respond': {
            const sent = pick(requests, action.which);
            if (sent !== undefined) {
              const headers: [string, string][] = action.body === '' ? [] : [['Content-Type', 'application/sdp']];
              const body = Buffer.from(action.body);
              const response = createResponse(withVia(sent.request), action.status, {
                toTag: action.tag,
                headers,
                body,
              });
              take(b2bua.handleResponse(bench.now, sent.id, overTheWire(response), CALLEE));
            }
            break;
          }
          case 'request': {
            const seen = action.fromCallee
              ? pick(requests, action.which)?.request
              : pick(answers, action.which)?.response;
            if (seen !== undefined) {
              const [ours, theirs] = action.fromCallee ? ['From', 'To'] : ['To', 'From'];
              const tagged = (value: string): string => (value.includes('tag=') ? value : `${value};tag=b`);
              const text = `${action.method} sip:x@192.0.2.100 SIP/2.0
Via: SIP/2.0/UDP h;branch=z9hG4bKr${cseq++}
From: ${tagged(seen.headers.get(theirs) ?? '')}
To: ${seen.headers.get(ours)}
Call-ID: ${seen.headers.get('Call-ID')}
CSeq: ${action.method === 'ACK' ? (/^[0-9]+/.exec(seen.headers.get('CSeq') ?? '')?.[0] ?? 1) : cseq} ${action.method}
${action.body === '' ? '' : 'Content-Type: application/sdp\n'}`;
              const request = { ...(parsed(text) as SipRequest), body: Buffer.from(action.body) };
              const flow = action.fromCallee ? CALLEE : CALLER;
              const key = bench.key();
              take(
                action.method === 'ACK'
                  ? b2bua.handleAck(bench.now, request, flow)
                  : action.method === 'CANCEL'
                    ? b2bua.handleCancel(bench.now, pick(answers, action.which)?.key ?? key, request)
                    : b2bua.handleRequest(bench.now, { key, request, flow }),
              );
            }
            break;
          }
          case 'relay': {
            const id = waiting.shift();
            if (id !== undefined) {
              const outcome =
                action.outcome === 'done'
                  ? ({ kind: 'done', ports: [10_000] } as const)
                  : action.outcome === 'lost'
                    ? ({ kind: 'lost' } as const)
                    : ({ kind: 'failed', reason: 'refused' } as const);
              take(b2bua.handleRelayOutcome(bench.now, id, outcome));
            }
            break;
          }
          case 'fail': {
            const sent = pick(requests, action.which);
            if (sent !== undefined) {
              take(b2bua.handleFailure(bench.now, sent.id, 408, 'no answer'));
            }
            break;
          }
          case 'time':
            bench.now += action.milliseconds;
            take(b2bua.handleTimeout(bench.now));
            break;
        }
      }
      take(b2bua.endAllCalls(bench.now, 'over'));
      while (waiting.length > 0) {
        take(b2bua.handleRelayOutcome(bench.now, waiting.shift() ?? 0, { kind: 'done', ports: [10_000] }));
      }
      for (const { id } of requests) {
        b2bua.handleClientTerminated(id);
      }
      assert.equal(b2bua.callCount, 0);
      assert.equal(b2bua.pendingRelayRequests, 0);
      const left = Object.entries(b2bua.tableSizes()).filter(([name, size]) => size > 0 && name !== 'invites');
      assert.deepEqual(left, []);
      // Every first INVITE has got exactly one final response.
      const finals = new Map<string, number>();
      for (const { key, response } of answers) {
        if (response.status >= 200) {
          finals.set(key, (finals.get(key) ?? 0) + 1);
        }
      }
      assert.ok(
        [...finals.values()].every((count) => count === 1),
        JSON.stringify([...finals]),
      );
    }),
    { numRuns: 400 },
  );
});

test('an account with as many calls as it may place gets 403 until one of them is over; others are not concerned', () => {
  const bench = new Bench();
  bench.b2bua.reconfigure({ maxCallsPerUser: 2 });
  const call = (account: string | undefined, number: number): number | undefined => {
    const request = message(
      'INVITE sip:1002@ims SIP/2.0',
      `From: <sip:1001@ims>;tag=a${number}\nTo: <sip:1002@ims>`,
      7,
      '',
      sdp('192.0.2.11'),
    );
    const from = bench.effects.length;
    const incoming = { key: bench.key(), request, flow: CALLER };
    bench.do(bench.b2bua.startCall(0, incoming, [{ uri: 'sip:1002@192.0.2.21', flow: CALLEE }], account));
    const refusal = bench.effects
      .slice(from)
      .find((effect) => effect.kind === 'respond' && effect.response.status >= 400);
    return refusal?.kind === 'respond' ? refusal.response.status : undefined;
  };
  assert.deepEqual(
    [call('1001', 1), call('1001', 2), call('1001', 3), call('1003', 4), call(undefined, 5)],
    [undefined, undefined, 403, undefined, undefined],
  );
  // The callee of the last call that 1001 may place is busy.
  const request = bench.effects.filter((effect) => effect.kind === 'request')[1];
  assert.ok(request?.kind === 'request');
  bench.respond(486, [], '', request);
  assert.deepEqual([call('1001', 6), call('1001', 7)], [undefined, 403]);
});

test('a call goes on in another process: BYE is answered and passed on with a higher CSeq, the relay is told', () => {
  const first = new Bench();
  first.up();
  const { event } = first.last('call');
  assert.equal(event.kind, 'changed');
  const bye = (bench: Bench): void => {
    const tag = /tag=([^;]+)/.exec(first.last('respond').response.headers.get('To') ?? '')?.[1];
    const dialog = `From: <sip:1001@ims>;tag=a\nTo: <sip:1002@ims>;tag=${tag}`;
    const request = message('BYE sip:1002@192.0.2.100 SIP/2.0', dialog, 8);
    bench.do(bench.b2bua.handleRequest(bench.now, { key: bench.key(), request, flow: CALLER }));
  };
  const second = new Bench();
  second.do(second.b2bua.resumeCall(0, JSON.parse(JSON.stringify(event.snapshot))));
  assert.equal(second.last('call').event.kind, 'resumed');
  assert.equal(second.b2bua.callCount, 1);
  assert.equal(
    second.effects.some(({ kind }) => kind === 'request' || kind === 'send'),
    false,
    'parties do not notice',
  );
  bye(second);
  assert.equal(second.last('respond').response.status, 200);
  const { request } = second.last('request');
  assert.equal(request.method, 'BYE');
  assert.equal(request.headers.get('Call-ID'), first.last('request').request.headers.get('Call-ID'));
  assert.ok(Number.parseInt(request.headers.get('CSeq') ?? '', 10) > 1000);
  assert.deepEqual(second.last('relay').command.kind, 'delete');
  assert.deepEqual([second.last('call').event.kind, second.b2bua.callCount], ['ended', 0]);
  assert.deepEqual(
    Object.entries(second.b2bua.tableSizes()).filter(([name, size]) => size > 0 && name !== 'clients'),
    [],
  );
});

test('the relay was restarted while nobody looked: calls that go on in another process move, one after the other', () => {
  const second = new Bench();
  const ids = ['a', 'b'];
  for (const id of ids) {
    const first = new Bench();
    first.up();
    const { snapshot } = first.last('call').event;
    const { caller, callee } = snapshot?.dialogs ?? {};
    const dialogs = { caller: { ...caller, callId: `${id}1` }, callee: { ...callee, callId: `${id}2` } };
    second.do(second.b2bua.resumeCall(0, JSON.parse(JSON.stringify({ ...snapshot, id, dialogs }))));
  }
  assert.equal(second.b2bua.callCount, 2);
  second.hasForgotten = true;
  const invited: [string | undefined, number][] = [];
  for (let at = second.b2bua.nextTimeoutAt(); invited.length < 2 && at < 20_000; at = second.b2bua.nextTimeoutAt()) {
    second.now = at;
    const before = second.effects.length;
    second.do(second.b2bua.handleTimeout(at));
    for (const effect of second.effects.slice(before)) {
      if (effect.kind === 'request' && effect.request.method === 'INVITE') {
        invited.push([effect.request.headers.get('Call-ID'), at]);
      }
    }
  }
  assert.deepEqual(
    invited.map(([callId]) => callId),
    ['a1', 'b1'],
    'each caller is asked for an offer',
  );
  assert.ok((invited[0]?.[1] ?? 0) < (invited[1]?.[1] ?? 0), 'not both at once');
  assert.equal(second.b2bua.callCount, 2);
});

test('a call that was killed between the answer and the ACK: the callee gets its ACK; a broken snapshot is nothing', () => {
  const first = new Bench();
  first.invite();
  first.respond(200, [], sdp('192.0.2.21'));
  const { event } = first.last('call');
  assert.equal(event.kind, 'answered');
  const second = new Bench();
  second.do(second.b2bua.resumeCall(0, JSON.parse(JSON.stringify(event.snapshot))));
  assert.match(
    Buffer.from(second.last('send').bytes).toString(),
    /^ACK sip:1002@192\.0\.2\.21 SIP.*\nCSeq: 1 ACK\r\n/s,
  );

  const { snapshot } = event;
  assert.ok(snapshot !== undefined);
  const { caller } = snapshot.dialogs;
  for (const broken of [
    { ...snapshot, invite: '' },
    { ...snapshot, dialogs: { ...snapshot.dialogs, caller: { ...caller, local: '<<' } } },
    { ...snapshot, dialogs: { ...snapshot.dialogs, callee: { ...caller, routeSet: ['<'] } } },
  ]) {
    assert.deepEqual(new Bench().b2bua.resumeCall(0, broken), []);
  }
});

for (const transferor of ['caller', 'callee'] as const) {
  test(`attended transfer by the ${transferor}: Replaces names the dialog of the other leg (RFC 3891 3)`, () => {
    const bench = new Bench();
    bench.up();
    const { headers } = bench.effects.find((effect) => effect.kind === 'request')?.request ?? assert.fail();
    const us = /tag=([^;]+)/;
    const towardsCallee = `${headers.get('Call-ID')};to-tag=b;from-tag=${us.exec(headers.get('From') ?? '')?.[1]}`;
    const ours = us.exec(bench.last('respond').response.headers.get('To') ?? '')?.[1];
    // What each would write of its dialog with us, and what the peer must be told of its own.
    const [written, told] =
      transferor === 'caller'
        ? [`call@192.0.2.11;to-tag=${ours};from-tag=a`, towardsCallee]
        : [
            towardsCallee.replace(/;to-tag=b;from-tag=(.*)/, ';to-tag=$1;from-tag=b'),
            `call@192.0.2.11;to-tag=a;from-tag=${ours}`,
          ];
    bench.transfer(`${written};early-only`);
    assert.equal(bench.last('request').request.headers.get('Replaces'), `${told};early-only`);
    assert.equal(bench.last('request').request.headers.getAll('Replaces').length, 1);
  });
}

test('a Replaces that names no dialog here, or with a wrong tag, crosses as it is; the phone answers 481', () => {
  const bench = new Bench();
  bench.up();
  const ours = /tag=([^;]+)/.exec(bench.last('respond').response.headers.get('To') ?? '')?.[1];
  for (const value of [
    'other@host;to-tag=1;from-tag=2',
    `call@192.0.2.11;to-tag=${ours};from-tag=guessed`,
    'nonsense',
  ]) {
    bench.transfer(value);
    assert.equal(bench.last('request').request.headers.get('Replaces'), value);
  }
});
