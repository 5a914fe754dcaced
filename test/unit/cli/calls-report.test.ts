import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallRow } from '../../../src/app/launch/calls.ts';
import { formatCalls } from '../../../src/cli/calls-report.ts';
import { visible } from '../../../src/cli/visible.ts';
import type { DirectionReport } from '../../../src/relay/quality/report.ts';

const FLOWS: DirectionReport = {
  verdict: 'flows',
  words: "caller's RTP arrives at 192.0.2.1:10004",
  local: '192.0.2.1:10004',
  remote: '198.51.100.1:4000',
  codec: 'PCMU',
  packets: 500,
  lost: 5,
  duplicates: 0,
  lossPercent: 1,
  jitterMs: 2.5,
  longestGapMs: 30,
  gaps: 0,
  way: null,
  silentMs: 10,
  refused: 0,
  rtcpPackets: 2,
  heard: null,
  mos: 4.32,
  mosNow: 4.4,
  mosLow: 4.1,
};

const DEAD: DirectionReport = {
  ...FLOWS,
  verdict: 'never-arrived',
  words: "callee's RTP never arrived at 192.0.2.1:10006: firewall or NAT on the callee's side",
  codec: null,
  packets: 0,
  mos: null,
};

function row(names: CallRow['names'], callId = 'abc~1'): CallRow {
  return { callId, fromTag: 'f', toTag: 't', ageMs: 9000, upMs: 8000, caller: FLOWS, callee: DEAD, names };
}

test('a call is two lines: what each party sends, and in full what is wrong with it', () => {
  const names = { id: '1', caller: 'sip:1001@example.org', callee: 'sips:1002@example.org;x=y' };
  const [, caller, callee] = formatCalls({ total: 1, plane: null, calls: [row(names)] }, false).split('\n');
  assert.match(String(caller), /^1001 → 1002 +8 s +caller +PCMU +500 +1 % +2\.5 ms +4\.3 +flows$/);
  assert.match(String(callee), /^ +callee +– +0 +– +– +– +callee's RTP never arrived at 192\.0\.2\.1:10006: firewall/);
});

test('how many more there are is told, and that there is none', () => {
  assert.equal(formatCalls({ total: 0, plane: null, calls: [] }, false), 'no calls\n');
  assert.match(formatCalls({ total: 7, plane: null, calls: [row(null)] }, false), /^6 more/m);
});

test('whatever a Call-ID or a name holds, it stays text on its line', () => {
  const hostile = 'x\u001b[31m\r\n\u0007\u202e\u2028\u009b2J';
  assert.equal(visible('a\u001bb\u202ec'), 'a\ufffdb\ufffdc');
  const names = { id: '1', caller: `sip:${hostile}@h`, callee: hostile };
  for (const call of [row(null, hostile), row(names)]) {
    const text = formatCalls({ total: 1, plane: null, calls: [call] }, false);
    assert.equal(text.split('\n').length, 4, text);
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\u202e\u2028]/u);
  }
});

test('a long text keeps its ends', () => {
  assert.equal(visible('abcdefghijkl', 7), 'abcd…kl');
  assert.equal(visible('abc', 3), 'abc');
  assert.equal(visible('😀😀😀😀', 3), '😀😀…');
});
