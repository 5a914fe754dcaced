/** Session timers (RFC 4028): each leg has its own, and a session that nobody refreshes ends on both. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Phone } from './phone.ts';
import { type Scene, type SceneOptions, scene } from './scene.ts';

const TIMER = ['Supported', '100rel, timer'] as const;
const ANSWERS = { answerAfterMs: 1000 } as const;

/** Shorter than the callees' registrations. */
const TWO_HOURS = 7_100_000;

function play(options: SceneOptions): Scene {
  const played = scene(options);
  played.caller.call('1002');
  played.world.run(TWO_HOURS);
  return played;
}

const minutes = (count: number): number => count * 60_000;

function first(phones: readonly Phone[]): Phone {
  const [phone] = phones;
  assert.ok(phone);
  return phone;
}

/** Of the INVITE that rang the phone. */
function invited(phone: Phone, name: string): string[] {
  return phone.requests.findLast(({ method }) => method === 'INVITE')?.headers.getAll(name) ?? [];
}

/** Of the 200 that the phone got for its INVITE. */
function granted(phone: Phone, name: string): string[] {
  const answer = phone.responses.find(
    ({ status, headers }) => status === 200 && /INVITE/.test(headers.get('CSeq') ?? ''),
  );
  assert.ok(answer, 'a 200');
  return answer.headers.getAll(name);
}

function updates({ requests }: Phone): number {
  return requests.filter(({ method }) => method === 'UPDATE').length;
}

function assertOver({ node, caller, callees }: Scene): void {
  assert.deepEqual([caller.state, first(callees).state], ['over', 'over']);
  for (const [what, count] of Object.entries(node.leftovers())) {
    assert.equal(count, 0, `${what} left`);
  }
}

test('a caller that supports timers gets one and refreshes it; the callee’s is refreshed by that, too', () => {
  const played = play({
    caller: { inviteHeaders: [TIMER], refreshEveryMs: minutes(15), hangUpAfterMs: minutes(100) },
    callees: [{ ...ANSWERS, answerHeaders: [['Session-Expires', '1800;refresher=uac']] }],
  });
  const callee = first(played.callees);
  assert.deepEqual(invited(callee, 'Session-Expires'), ['1800;refresher=uac']);
  assert.deepEqual(granted(played.caller, 'Session-Expires'), ['1800;refresher=uac']);
  assert.deepEqual(granted(played.caller, 'Require'), ['timer']);
  assert.deepEqual([updates(played.caller), updates(callee)], [0, 0]);
  assert.equal(played.node.ended[0]?.endedBy, 'caller');
  assertOver(played);
});

test('a caller that stops refreshing: BYE to both before its time is over, and the record says so', () => {
  const played = play({
    caller: { inviteHeaders: [TIMER] },
    callees: [{ ...ANSWERS, answerHeaders: [['Session-Expires', '1800;refresher=uac']] }],
  });
  const [record] = played.node.ended;
  assert.deepEqual([record?.endedBy, record?.reason], ['server', 'session-expired: the caller was to refresh it']);
  const lasted = ((record?.endedAt ?? 0) - (record?.answeredAt ?? 0)) / 1000;
  assert.equal(Math.round(lasted), 1800 - 32);
  // Meanwhile we kept the callee's session up ourselves.
  assert.equal(updates(first(played.callees)), 1);
  assertOver(played);
});

test('only the callee supports timers: it is to refresh, and ends the call by not doing it', () => {
  const callee = { ...ANSWERS, answerHeaders: [['Session-Expires', '600;refresher=uas']] as const };
  const silent = play({ callees: [callee] });
  assert.deepEqual(invited(first(silent.callees), 'Session-Expires'), ['1800;refresher=uas']);
  assert.deepEqual(invited(first(silent.callees), 'Supported'), ['timer']);
  assert.deepEqual(granted(silent.caller, 'Session-Expires'), []);
  assert.equal(silent.node.ended[0]?.reason, 'session-expired: the callee was to refresh it');
  assertOver(silent);

  const refreshing = play({ callees: [{ ...callee, refreshEveryMs: 300_000, hangUpAfterMs: minutes(60) }] });
  assert.equal(refreshing.node.ended[0]?.endedBy, 'callee');
  assert.equal(updates(first(refreshing.callees)), 0);
  assertOver(refreshing);
});

test('neither supports timers: there is none, however long the call is', () => {
  const played = play({ caller: { hangUpAfterMs: minutes(115) }, callees: [ANSWERS] });
  assert.deepEqual(granted(played.caller, 'Session-Expires'), []);
  assert.equal(played.node.ended[0]?.endedBy, 'caller');
  assertOver(played);
});

test('0: we ask nobody for a timer, and give one to who asks', () => {
  const none = play({ sessionSeconds: 0, caller: { inviteHeaders: [TIMER], hangUpAfterMs: 5000 }, callees: [ANSWERS] });
  assert.deepEqual(invited(first(none.callees), 'Session-Expires'), []);
  assert.deepEqual(granted(none.caller, 'Session-Expires'), []);
  const asked = play({
    sessionSeconds: 0,
    caller: { inviteHeaders: [TIMER, ['Session-Expires', '120']], hangUpAfterMs: 5000 },
    callees: [ANSWERS],
  });
  assert.deepEqual(granted(asked.caller, 'Session-Expires'), ['120;refresher=uac']);
});

test('the caller wants us to refresh: an UPDATE in time, again and again', () => {
  const played = play({
    caller: {
      inviteHeaders: [TIMER, ['Session-Expires', '200;refresher=uas']],
      answerHeaders: [['Session-Expires', '200;refresher=uac']],
      hangUpAfterMs: minutes(20),
    },
    callees: [ANSWERS],
  });
  assert.deepEqual(granted(played.caller, 'Session-Expires'), ['200;refresher=uas']);
  assert.deepEqual(granted(played.caller, 'Require'), []);
  assert.equal(updates(played.caller), 10);
  const update = played.caller.requests.find(({ method }) => method === 'UPDATE');
  assert.equal(update?.headers.get('Session-Expires'), '200;refresher=uac');
  assert.match(update?.headers.get('Contact') ?? '', /^<sip:1002@10\.0\.0\.1:5060>$/);
  assert.equal(update?.body.length, 0);
  assert.equal(played.node.ended[0]?.endedBy, 'caller');
  assertOver(played);
});

test('the party whose session we refresh has died: BYE to the other one', () => {
  const { node, callees } = play({
    caller: {
      inviteHeaders: [TIMER, ['Session-Expires', '200;refresher=uas']],
      diesAfterMs: 60_000,
    },
    callees: [ANSWERS],
  });
  assert.equal(node.ended[0]?.reason, 'the caller no longer knows the call');
  assert.equal(first(callees).state, 'over');
  assert.ok((node.ended[0]?.endedAt ?? 0) < 160_000, `${node.ended[0]?.endedAt}`);
});

test('a party that takes no UPDATE is there all the same: the call goes on', () => {
  const played = play({
    caller: {
      inviteHeaders: [TIMER, ['Session-Expires', '200;refresher=uas']],
      updateStatus: 405,
      hangUpAfterMs: minutes(20),
    },
    callees: [ANSWERS],
  });
  assert.equal(played.node.ended[0]?.endedBy, 'caller');
  assert.equal(updates(played.caller), 1);
  assertOver(played);
});

test('a refresh that fails for the moment is tried again until the session is over', () => {
  const played = play({
    caller: { inviteHeaders: [TIMER, ['Session-Expires', '200;refresher=uas']], updateStatus: 500 },
    callees: [ANSWERS],
  });
  assert.equal(played.node.ended[0]?.reason, 'session-expired: the caller took no refresh');
  assert.ok(updates(played.caller) > 10 && updates(played.caller) < 25, `${updates(played.caller)}`);
  assertOver(played);
});

test('a session that is too short: 422 with Min-SE for who understands it, else it is made longer (RFC 4028 5)', () => {
  const brief = ['Session-Expires', '30'] as const;
  const refused = play({ caller: { inviteHeaders: [TIMER, brief] }, callees: [ANSWERS] });
  assert.equal(refused.caller.status, 422);
  assert.equal(refused.caller.responses.at(-1)?.headers.get('Min-SE'), '90');
  assert.equal(first(refused.callees).state, 'idle');
  assert.equal(refused.node.ended.length, 0, 'no call was attempted');
  for (const count of Object.values(refused.node.leftovers())) {
    assert.equal(count, 0);
  }
  const raised = play({ caller: { inviteHeaders: [brief], hangUpAfterMs: 5000 }, callees: [ANSWERS] });
  assert.deepEqual(granted(raised.caller, 'Session-Expires'), ['90;refresher=uas']);
});

test('the callee refuses with 422: it is rung again with what it wants, and the caller never hears of it', () => {
  for (let seed = 1; seed <= 12; seed++) {
    const played = play({
      seed,
      loss: (seed % 4) / 10,
      caller: { inviteHeaders: [TIMER], hangUpAfterMs: 30_000 },
      callees: [{ ...ANSWERS, minSession: 3600, answerHeaders: [['Session-Expires', '3600;refresher=uac']] }],
    });
    const callee = first(played.callees);
    assert.equal(played.caller.status, 200, `seed ${seed}`);
    assert.deepEqual(invited(callee, 'Session-Expires'), ['3600;refresher=uac']);
    assert.deepEqual(invited(callee, 'Min-SE'), ['3600']);
    assert.ok(played.caller.responses.every(({ status }) => status !== 422));
    // The caller's refreshes serve both legs, so its session is no longer than ours would be.
    assert.deepEqual(granted(played.caller, 'Session-Expires'), ['1800;refresher=uac']);
    assertOver(played);
  }
});

test('the callee grants less than was asked: so does the caller get, since its refreshes serve both', () => {
  const played = play({
    caller: { inviteHeaders: [TIMER], hangUpAfterMs: 5000 },
    callees: [{ ...ANSWERS, answerHeaders: [['Session-Expires', '600;refresher=uac']] }],
  });
  assert.deepEqual(granted(played.caller, 'Session-Expires'), ['600;refresher=uac']);
});

test('nonsense in Session-Expires neither ends a call at once nor keeps it for ever', () => {
  for (const value of ['0;refresher=uac', '0;refresher=uas', '4294967295;refresher=uas', '99999999999', 'soon']) {
    const { world, caller } = scene({ callees: [{ ...ANSWERS, answerHeaders: [['Session-Expires', value]] }] });
    caller.call('1002');
    world.run(60_000);
    assert.equal(caller.state, 'up', value);
    world.run(600_000);
    assert.ok(caller.requests.filter(({ method }) => method === 'UPDATE').length < 20, value);
  }
});

test('what was agreed on is part of the snapshot that another process goes on with', () => {
  const { node } = play({
    caller: { inviteHeaders: [TIMER], hangUpAfterMs: 5000 },
    callees: [{ ...ANSWERS, answerHeaders: [['Session-Expires', '600;refresher=uas']] }],
  });
  const answered = node.events.find(({ kind }) => kind === 'answered');
  assert.deepEqual(answered?.snapshot?.sessions, {
    caller: { seconds: 600, refresher: 'peer' },
    callee: { seconds: 600, refresher: 'peer' },
  });
});
