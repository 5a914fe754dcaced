import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSdp } from '../../../../src/sdp/parse.ts';
import { isBetterFailure } from '../../../../src/sip/b2bua/best-response.ts';
import type { RelayCommand, RelayOutcome } from '../../../../src/sip/b2bua/media-relay.ts';
import { MediaSession, type Publication } from '../../../../src/sip/b2bua/media-session.ts';
import { relayStreams } from '../../../../src/sip/b2bua/media-target.ts';
import { passBody } from '../../../../src/sip/b2bua/sdp-passage.ts';
import { Headers } from '../../../../src/sip/message/headers.ts';

const SESSION = { callId: 'c', instance: 'i', callerTag: 'a', calleeTag: 'b' };

function publication(extra: Partial<Publication> = {}): Publication {
  const streams = [{ index: 0, address: '192.0.2.1', family: 4, port: 4000 }] as const;
  return { writer: 'caller', role: 'offer', streams, held: false, ...extra };
}

const done = (...ports: number[]): RelayOutcome => ({ kind: 'done', ports });

function session(): { media: MediaSession; sent: RelayCommand[]; log: string[] } {
  const sent: RelayCommand[] = [];
  return { media: new MediaSession(SESSION, (command) => sent.push(command)), sent, log: [] };
}

test('one command at a time; what comes later waits, with SDP or without', () => {
  const { media, sent, log } = session();
  media.publish(publication(), () => log.push('183'));
  media.inOrder(() => log.push('180'));
  media.publish(publication({ writer: 'callee', role: 'answer' }), () => log.push('200'));
  assert.deepEqual([sent.length, log], [1, []]);
  media.handleOutcome(done(10_000));
  assert.deepEqual([sent.length, log], [2, ['183', '180']]);
  media.handleOutcome(done(10_002));
  assert.deepEqual(log, ['183', '180', '200']);
  assert.deepEqual(media.ports, { caller: [10_002], callee: [10_000] });
});

test('a delete waits for the command under way, and then nothing else runs', () => {
  const { media, sent, log } = session();
  media.publish(publication(), () => log.push('published'));
  media.inOrder(() => log.push('later'));
  media.close();
  media.close();
  assert.deepEqual(
    sent.map(({ kind }) => kind),
    ['publish'],
  );
  media.handleOutcome(done(10_000));
  assert.deepEqual(
    sent.map(({ kind }) => kind),
    ['publish', 'delete'],
  );
  media.handleOutcome(done());
  media.inOrder(() => log.push('after the end'));
  assert.deepEqual(log, []);
  assert.equal(media.isClosed, true);
});

test('nothing was opened: nothing is deleted', () => {
  const { media, sent } = session();
  media.inOrder(() => {});
  media.close();
  assert.equal(sent.length, 0);
  assert.equal(media.isClosed, true);
});

test('a flood of messages is refused, not kept', () => {
  const { media } = session();
  media.publish(publication(), () => {});
  const kept = Array.from({ length: 100 }, () => media.inOrder(() => {}));
  assert.equal(kept.filter((accepted) => accepted).length, 32);
});

test('during a conversation the relay is asked; while it rings or is held the last command is repeated', () => {
  const asked = (held: boolean, ringing: boolean): string | undefined => {
    const { media, sent } = session();
    media.publish(publication({ held }), () => {});
    media.handleOutcome(done(10_000));
    media.check(ringing, () => {});
    return sent[1]?.kind;
  };
  assert.equal(asked(false, false), 'check');
  assert.equal(asked(true, false), 'publish');
  assert.equal(asked(false, true), 'publish');
});

test('the relay hears of the answer once: with its SDP, or apart where it has none', () => {
  const ringing = (sent: readonly RelayCommand[]): unknown[] =>
    sent.map((command) => command.kind === 'publish' && command.ringing);
  for (const hasSdp of [true, false]) {
    const { media, sent } = session();
    media.publish(publication(), () => {});
    media.handleOutcome(done(10_000));
    media.answer();
    if (hasSdp) {
      media.publish(publication({ writer: 'callee', role: 'answer' }), () => {});
      media.handleOutcome(done(10_002));
    }
    media.tellAnswered();
    assert.deepEqual(ringing(sent), [true, false]);
  }
});

test('a repeated command that gives other ports means that the relay had forgotten', () => {
  const { media } = session();
  const outcomes: string[] = [];
  media.publish(publication(), () => {});
  media.handleOutcome(done(10_000));
  for (const port of [10_000, 20_000]) {
    media.check(true, (outcome) => outcomes.push(outcome.kind));
    media.handleOutcome(done(port));
  }
  assert.deepEqual(outcomes, ['done', 'lost']);
});

test('where media is looked for: what SDP names, or the signalling’s source when that cannot be right', () => {
  const target = (named: string, source: string): string | undefined => {
    const family = named.includes(':') ? 6 : 4;
    const sdp = parseSdp(
      `v=0\r\ns=-\r\nc=IN IP${family} ${named}\r\nm=audio 4000 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n`,
    );
    assert.ok(sdp.ok);
    const streams = relayStreams(sdp.value.media, source);
    assert.equal(streams.length, 1);
    return streams[0]?.address;
  };
  assert.equal(target('192.0.2.1', '192.0.2.1'), '192.0.2.1');
  assert.equal(target('192.168.1.5', '192.0.2.1'), '192.0.2.1', 'behind a NAT');
  assert.equal(target('127.0.0.1', '192.0.2.1'), '192.0.2.1', 'loopback from afar');
  assert.equal(target('198.51.100.3', '192.0.2.1'), '198.51.100.3', 'a public media gateway');
  assert.equal(target('media.example.com', '192.0.2.1'), '192.0.2.1', 'a name');
  assert.equal(target('0.0.0.0', '192.0.2.1'), '0.0.0.0', 'hold');
  assert.equal(target('192.168.1.5', '127.0.0.1'), '192.168.1.5', 'a program on this machine');
  assert.equal(target('2001:db8::1', '2001:db8::2'), '2001:db8::1');
});

test('a relay without an address of that family: 488 with Warning 301, and no other refusal has it', () => {
  const refusalFor = (outcome: RelayOutcome) => {
    const { media } = session();
    const sdp = 'v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n';
    const headers = new Headers();
    headers.append('Content-Type', 'application/sdp');
    const message = { kind: 'request', method: 'INVITE', uri: 'sip:x@h', headers, body: Buffer.from(sdp) } as const;
    const results: unknown[] = [];
    const way = { writer: 'caller', role: 'offer', source: '2001:db8::1', mediaAddress: '203.0.113.1' } as const;
    passBody({ media, message, ...way }, (result) => results.push(result.ok ? undefined : result.error));
    media.handleOutcome(outcome);
    return results[0];
  };
  const reason = 'a sentence';
  assert.deepEqual(refusalFor({ kind: 'failed', reason, lacksFamily: true }), { status: 488, reason, warnCode: 301 });
  assert.deepEqual(refusalFor({ kind: 'failed', reason }), { status: 503, reason });
});

test('what was agreed is restored before anything that waits, and only what has changed', () => {
  const { media, sent, log } = session();
  const [first, answer] = [publication(), publication({ writer: 'callee', role: 'answer' })];
  for (const each of [first, answer]) {
    media.publish(each, () => {});
    media.handleOutcome(done(10_000));
  }
  const { agreement } = media;
  media.publish(publication({ held: true }), () => {});
  media.restore(agreement, () => log.push('refused'));
  media.inOrder(() => log.push('next'));
  media.handleOutcome(done(10_000));
  assert.equal(media.isSilent, true);
  assert.equal(sent.length, 4);
  assert.deepEqual(sent[3], sent[0]);
  assert.equal(log.length, 0);
  media.handleOutcome(done(10_000));
  assert.deepEqual(log, ['refused', 'next']);
  assert.equal(media.isSilent, false);
  media.restore(media.agreement, () => log.push('nothing to do'));
  assert.equal(sent.length, 4);
});

test('of two failures: 6xx, then the lowest class, what the caller can act on first, 408 and 503 last', () => {
  const order = [603, 302, 407, 486, 408, 500, 503];
  for (const [index, better] of order.entries()) {
    for (const worse of order.slice(index + 1)) {
      assert.equal(isBetterFailure(better, worse), true, `${better} before ${worse}`);
      assert.equal(isBetterFailure(worse, better), false, `${worse} not before ${better}`);
    }
  }
});
