import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallRow } from '../../../../src/app/launch/calls.ts';
import { type Size, type TopView, topFrame } from '../../../../src/cli/top/frame.ts';
import type { ServiceStatus, SystemStatus } from '../../../../src/control/status.ts';
import type { DirectionReport } from '../../../../src/relay/quality/report.ts';

const SERVICE: ServiceStatus = {
  state: 'ready',
  pid: 7,
  uptimeMs: 9000,
  restarts: 2,
  active: 1,
  where: 'udp 127.0.0.1:7722',
  detail: null,
  health: null,
};

const STATUS = {
  version: '1.2.3',
  verdict: 'ready',
  uptimeMs: 65_000,
  waitsFor: null,
  services: { relay: SERVICE, ims: { ...SERVICE, state: 'backoff', pid: null, uptimeMs: null, detail: 'in 500 ms' } },
} as unknown as SystemStatus;

const FLOWS = {
  verdict: 'flows',
  words: '',
  codec: 'PCMA',
  packets: 50,
  lossPercent: 0,
  jitterMs: 1,
  mos: 4.4,
  mosNow: 4.4,
} as DirectionReport;

const SILENT = { ...FLOWS, verdict: 'silent', words: "callee's RTP has stopped" } as DirectionReport;

function callOf(callId: string, callee: DirectionReport = FLOWS): CallRow {
  return { callId, fromTag: 'f', toTag: 't', ageMs: 9000, upMs: 8000, caller: FLOWS, callee, names: null };
}

function viewOf(change: Partial<TopView> = {}): TopView {
  const calls = { total: 2, plane: 'native', calls: [callOf('dead', SILENT), callOf('good')] };
  const event = { time: '2026-11-23T04:05:06.789Z', level: 'warn', event: 'media.silent', sentence: 'it has changed' };
  return {
    status: STATUS,
    calls,
    packetsPerSecond: 99.6,
    events: [{ ...event, callId: 'dead' }],
    scrolled: 0,
    ...change,
  };
}

function shown(view: TopView, size: Size = { columns: 120, rows: 24 }): string[] {
  return topFrame(view, size).map(({ text }) => text);
}

test('the screen holds processes, calls with both directions, and events', () => {
  const text = shown(viewOf()).join('\n');
  assert.match(
    text,
    /^ims-launch 1\.2\.3 {2}ready {3}up 1 min 5 s {3}calls 2, 1 not heard {3}100 packets\/s {3}plane native$/m,
  );
  assert.match(text, /^relay {2}ready {5}pid 7 +up 9 s +restarts 2 +active 1 +udp 127\.0\.0\.1:7722$/m);
  assert.match(text, /^ims {4}backoff {3}no process .* in 500 ms$/m);
  assert.match(text, /^dead +8 s +caller PCMA +50 +0% +1ms +4\.4 +flows$/m);
  assert.match(text, /^ +callee PCMA .* silent\n {2}! callee's RTP has stopped$/m);
  assert.match(text, /^04:05:06 media\.silent – it has changed: dead$/m);
});

test('what needs somebody is told by its colour, too', () => {
  const tones = topFrame(viewOf(), { columns: 120, rows: 24 });
  assert.equal(tones.find(({ text }) => text.includes('has stopped'))?.tone, 'bad');
  assert.equal(tones.find(({ text }) => text.startsWith('ims '))?.tone, 'doubtful');
  assert.equal(tones.find(({ text }) => text.startsWith('good'))?.tone, 'plain');
});

test('whatever the size, a frame fits into it', () => {
  const calls = { total: 40, plane: null, calls: Array.from({ length: 40 }, (_, index) => callOf(`call-${index}`)) };
  for (const view of [viewOf(), viewOf({ calls }), viewOf({ status: undefined }), viewOf({ calls: 'no relay' })]) {
    for (const columns of [1, 20, 80, 500]) {
      for (const rows of [1, 2, 5, 10, 24, 100]) {
        const lines = shown(view, { columns, rows });
        assert.equal(lines.length, rows);
        assert.ok(lines.every((line) => [...line].length <= columns));
      }
    }
  }
});

test('in the usual 80 columns nothing that counts is cut away: verdicts, where a service is, what became of media', () => {
  const words = "callee's RTP never arrived at 192.0.2.100:12586: firewall or NAT on the callee's side";
  const missed = { ...SILENT, verdict: 'never-arrived', words } as DirectionReport;
  const calls = { total: 2, plane: 'native', calls: [callOf('a Call-ID that is longer than its column', missed)] };
  const [event] = viewOf().events;
  assert.ok(event !== undefined);
  const events = [{ ...event, sentence: 'media of a call has changed', reason: 'callee is not heard', callId: 'dead' }];
  const text = shown(viewOf({ calls, events }), { columns: 79, rows: 24 }).join('\n');
  assert.match(text, /calls 2, 1 not heard {3}100 packets\/s$/m);
  assert.match(text, /^relay .* udp 127\.0\.0\.1:7722$/m);
  assert.match(text, /^a Call.* caller PCMA .* flows$/m);
  assert.match(text, /^ +callee .* never-arrived\n {2}! callee's RTP .*\n {4}.*callee's side$/m);
  assert.match(text, /media\.silent – callee is not heard: dead$/m);
});

test('scrolling shows the calls below', () => {
  const calls = { total: 40, plane: null, calls: Array.from({ length: 40 }, (_, index) => callOf(`call-${index}`)) };
  const text = shown(viewOf({ calls, scrolled: 30 })).join('\n');
  assert.match(text, /^call-30 /m);
  assert.doesNotMatch(text, /^call-29 /m);
});

test('text of strangers stays on its line and moves no cursor', () => {
  const hostile = 'x\u001b[2J\r\n\u009bH';
  const event = { time: 't', level: 'info', event: 'e', sentence: 's', callId: hostile, reason: hostile };
  const calls = { total: 1, plane: null, calls: [callOf(hostile, { ...SILENT, words: hostile })] };
  const lines = shown(viewOf({ calls, events: [event] }));
  assert.equal(lines.length, 24);
  assert.doesNotMatch(lines.join(''), /\p{Cc}/u);
});

test('a launcher that does not answer, and a relay that cannot be asked, are told', () => {
  assert.match(shown(viewOf({ status: undefined })).join('\n'), /does not answer/);
  assert.match(shown(viewOf({ calls: 'the relay is not one that can be asked' })).join('\n'), /^the relay is not one/m);
});
