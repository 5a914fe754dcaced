/** Caller, server and callee in virtual time, over a link that loses up to 30 % of the datagrams. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AFTERWARDS, judge, play, SCENARIOS, scene } from './scene.ts';
import { MEDIA_ADDRESS, type ServerNode } from './server-node.ts';

function assertNothingLeft(node: ServerNode, context = ''): void {
  for (const [what, count] of Object.entries(node.leftovers())) {
    assert.equal(count, 0, `${context} ${what} left`);
  }
}

for (const { name, options, status, endedBy } of SCENARIOS) {
  test(`${name}: right end on both sides, and nothing left, at 0 to 30 % loss`, () => {
    for (let seed = 1; seed <= 40; seed++) {
      const loss = ((seed - 1) % 4) / 10;
      const { node, caller, callees } = play({ ...options, seed, loss });
      const context = `seed ${seed}, loss ${loss}:`;
      assert.equal(node.ended.length, 1, `${context} one record`);
      assert.equal(node.ended[0]?.status, status, `${context} status of the record`);
      assert.equal(node.ended[0]?.endedBy, endedBy, `${context} who ended it`);
      assert.equal(caller.status, status, `${context} status that the caller saw`);
      assert.equal(caller.state, 'over', `${context} the caller is free`);
      assert.ok(['over', 'idle'].includes(callees[0]?.state ?? ''), `${context} the callee is free`);
      assertNothingLeft(node, context);
    }
  });
}

test('every SDP that arrives names the relay, with the same ports on hold and after it', () => {
  const { caller, callees } = play({
    caller: { holdAfterMs: 5000, hangUpAfterMs: 30_000 },
    callees: [{ answerAfterMs: 1000, earlyMedia: true }],
  });
  const [callee] = callees;
  assert.ok(callee);
  for (const phone of [caller, callee]) {
    assert.ok(phone.bodies.length >= 2);
    const ports = phone.bodies.map((body) => {
      assert.match(body, new RegExp(`\\nc=IN IP4 ${MEDIA_ADDRESS}\\r\\n`));
      assert.match(body, new RegExp(`^o=- 1 [0-9]+ IN IP4 ${MEDIA_ADDRESS}\\r$`, 'm'));
      return /m=audio ([0-9]+) /.exec(body)?.[1];
    });
    assert.equal(new Set(ports).size, 1, `${ports}`);
  }
  assert.match(callee.bodies.at(-1) ?? '', /a=sendonly/);
  assert.deepEqual(caller.reinviteStatuses, [200]);
});

test('late offer: the callee offers in its 200, the caller answers in its ACK, both through the relay', () => {
  const { caller, callees, node } = play({
    caller: { lateOffer: true, hangUpAfterMs: 10_000 },
    callees: [{ answerAfterMs: 1000 }],
  });
  assert.equal(caller.bodies.length, 1);
  assert.equal(callees[0]?.bodies.length, 1);
  for (const body of [...caller.bodies, ...(callees[0]?.bodies ?? [])]) {
    assert.match(body, new RegExp(`c=IN IP4 ${MEDIA_ADDRESS}`));
  }
  const publications = node.relay.commands.filter((command) => command.kind === 'publish');
  assert.deepEqual(
    publications.map(({ role, offerer }) => [role, offerer]),
    [
      ['offer', 'callee'],
      ['answer', 'callee'],
    ],
  );
});

test('the first phone to answer wins; the others stop ringing, and their late answers are ended', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const { node, caller, callees } = play({
      seed,
      loss: (seed % 4) / 10,
      caller: { hangUpAfterMs: 20_000 },
      // Two answer within a round trip of each other: now one wins, now the other.
      callees: [{ answerAfterMs: 3000 }, { answerAfterMs: 3010 }, {}],
    });
    const context = `seed ${seed}:`;
    assert.equal(caller.status, 200, context);
    assert.equal(node.ended.length, 1, context);
    assert.ok(
      callees.every((callee) => ['over', 'idle'].includes(callee.state)),
      `${context} ${callees.map((callee) => callee.state)}`,
    );
    assertNothingLeft(node, context);
  }
});

test('two answers cross: the one that lost gets ACK and BYE at once (RFC 3261 13.2.2.4)', () => {
  const { world, node, caller, callees } = scene({ callees: [{ answerAfterMs: 3000 }, { answerAfterMs: 3001 }] });
  caller.call('1002');
  world.run(4000);
  assert.equal(caller.state, 'up');
  assert.deepEqual(callees.map(({ state, endedBy }) => `${state} ${endedBy}`).sort(), ['over peer', 'up undefined']);
  assert.equal(node.server.b2bua.callCount, 1);
});

test('all refuse: the caller hears the best reason; a 603 ends the ringing of the others (RFC 3261 16.7)', () => {
  const busyAndAbsent = play({
    callees: [
      { answerAfterMs: 1000, refuseWith: 480 },
      { answerAfterMs: 2000, refuseWith: 486 },
    ],
  });
  assert.equal(busyAndAbsent.caller.status, 480);
  const declined = play({ callees: [{}, { answerAfterMs: 2000, refuseWith: 603 }] });
  assert.equal(declined.caller.status, 603);
  assert.equal(declined.callees[0]?.status, 487);
  assertNothingLeft(declined.node);
});

test('both sides re-INVITE at once: 491 for one or both, and the call goes on (RFC 3261 14.1)', () => {
  let glares = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const { node, caller, callees } = play({
      seed,
      loss: (seed % 3) / 10,
      caller: { holdAfterMs: 5000, hangUpAfterMs: 60_000 },
      callees: [{ answerAfterMs: 1000, holdAfterMs: 5000 + (seed % 5) * 10 }],
    });
    const statuses = [...caller.reinviteStatuses, ...(callees[0]?.reinviteStatuses ?? [])];
    assert.ok(
      statuses.every((status) => [200, 491, 408].includes(status)),
      `seed ${seed}: ${statuses}`,
    );
    glares += statuses.filter((status) => status === 491).length;
    assert.equal(node.ended[0]?.endedBy, 'caller', `seed ${seed}`);
    assertNothingLeft(node, `seed ${seed}`);
  }
  assert.ok(glares > 5, `only ${glares} glares`);
});

test('a call may be refreshed for ever (RFC 4028): each re-INVITE is forgotten when it is acknowledged', () => {
  const { node, caller } = play({
    caller: { refreshEveryMs: 2000, hangUpAfterMs: 200_000 },
    callees: [{ answerAfterMs: 1000 }],
  });
  assert.ok(caller.reinviteStatuses.length > 90);
  assert.deepEqual([...new Set(caller.reinviteStatuses)], [200]);
  assertNothingLeft(node);
});

test('no relay: 503, the callee never rings, and no record says otherwise', () => {
  const played = scene({ callees: [{ answerAfterMs: 1000 }] });
  played.node.relay.down = true;
  played.caller.call('1002');
  played.world.run(AFTERWARDS);
  assert.equal(played.caller.status, 503);
  assert.equal(played.callees[0]?.state, 'idle');
  assert.match(played.node.ended[0]?.reason ?? '', /Service Unavailable|not running/);
  assertNothingLeft(played.node);
});

test('the relay goes away before the answer: 503 for the caller, BYE for the callee', () => {
  const played = scene({ callees: [{ answerAfterMs: 3000 }] });
  played.world.after(1500, () => {
    played.node.relay.down = true;
  });
  played.caller.call('1002');
  played.world.run(AFTERWARDS);
  assert.equal(played.caller.status, 503);
  assert.equal(played.callees[0]?.state, 'over');
  assert.equal(played.callees[0]?.endedBy, 'peer');
  assertNothingLeft(played.node);
});

test('the relay forgets a call (it was restarted, or the media died): BYE to both sides', () => {
  const played = scene({ callees: [{ answerAfterMs: 1000 }] });
  played.world.after(30_000, () => played.node.relay.sessions.clear());
  played.caller.call('1002');
  played.world.run(AFTERWARDS);
  assert.equal(played.node.ended[0]?.reason, 'media-lost');
  assert.equal(played.node.ended[0]?.endedBy, 'server');
  assert.deepEqual([played.caller.state, played.callees[0]?.state], ['over', 'over']);
  assert.ok((played.node.ended[0]?.endedAt ?? 0) < 55_000);
  assertNothingLeft(played.node);
});

test('a call on hold is kept at the relay by repeating the last command', () => {
  const { node } = play({
    caller: { holdAfterMs: 5000, hangUpAfterMs: 200_000 },
    callees: [{ answerAfterMs: 1000 }],
  });
  const kinds = node.relay.commands.map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === 'check').length, 0);
  assert.ok(kinds.filter((kind) => kind === 'publish').length >= 4 + 8);
});

test('a caller that never sends its ACK: BYE to both after 64*T1 (RFC 3261 13.3.1.4)', () => {
  const { node, callees } = play({ caller: { forgetsAck: true }, callees: [{ answerAfterMs: 1000, patient: true }] });
  assert.equal(node.ended[0]?.reason, 'no ACK from the caller');
  assert.equal(callees[0]?.state, 'over');
  assertNothingLeft(node);
});

test('SDP that nobody understands: 488 for the caller who sends it', () => {
  const { node, caller, callees } = play({ caller: { brokenSdp: true }, callees: [{ answerAfterMs: 1000 }] });
  assert.equal(caller.status, 488);
  assert.equal(callees[0]?.state, 'idle');
  assertNothingLeft(node);
});

test('a callee whose 200 carries broken SDP: 488 for the caller, ACK and BYE for the callee', () => {
  const { node, caller, callees } = play({ callees: [{ answerAfterMs: 1000, brokenSdp: true }] });
  assert.equal(caller.status, 488);
  assert.equal(callees[0]?.state, 'over');
  assertNothingLeft(node);
});

test('a callee whose 183 carries broken SDP: 488 for the caller, CANCEL for the callee', () => {
  const { node, caller, callees } = play({ callees: [{ answerAfterMs: 9000, earlyMedia: true, brokenSdp: true }] });
  assert.equal(caller.status, 488);
  assert.equal(callees[0]?.status, 487);
  assertNothingLeft(node);
});

test('a callee that vanishes during the call: nothing is left once the caller hangs up', () => {
  const { node } = play({
    caller: { hangUpAfterMs: 30_000 },
    callees: [{ answerAfterMs: 1000, diesAfterMs: 10_000 }],
  });
  assert.equal(node.ended[0]?.endedBy, 'caller');
  assertNothingLeft(node);
});

test('a refused re-INVITE is taken back at the relay, and its SDP does not cross (RFC 3261 14.1)', () => {
  const { node, caller } = play({
    caller: { holdAfterMs: 5000, hangUpAfterMs: 90_000 },
    callees: [{ answerAfterMs: 1000, refuseReinvitesWith: 488 }],
  });
  assert.deepEqual(caller.reinviteStatuses, [488]);
  assert.equal(caller.bodies.length, 1);
  const published = node.relay.commands.filter(({ kind }) => kind === 'publish');
  assert.equal(published.length, 4);
  assert.deepEqual(published[3], { ...published[0], ringing: false });
  // Nobody holds: the relay is asked, not told once more.
  assert.ok(node.relay.commands.some(({ kind }) => kind === 'check'));
  assert.equal(node.ended[0]?.endedBy, 'caller');
  assertNothingLeft(node);
});

test('a held call whose phone has died ends: both are asked every 30 s whether they are there', () => {
  for (const dead of ['caller', 'callee'] as const) {
    const diesAfterMs = 40_000;
    const { node, caller, callees } = play({
      caller: { holdAfterMs: 5000, ...(dead === 'caller' && { diesAfterMs }) },
      callees: [{ answerAfterMs: 1000, ...(dead === 'callee' && { diesAfterMs }) }],
    });
    const [record] = node.ended;
    assert.equal(record?.reason, `the ${dead} no longer answers`);
    assert.equal(record?.endedBy, 'server');
    assert.ok((record?.endedAt ?? 0) < 100_000, `${record?.endedAt}`);
    assert.equal((dead === 'caller' ? callees[0] : caller)?.state, 'over');
    assertNothingLeft(node);
  }
});

test('a held call whose phones answer goes on, and neither sees the other’s probe', () => {
  const { node, callees } = play({
    caller: { holdAfterMs: 5000, hangUpAfterMs: 300_000 },
    callees: [{ answerAfterMs: 1000 }],
  });
  assert.equal(node.ended[0]?.endedBy, 'caller');
  const probes = callees[0]?.requests.filter(({ method }) => method === 'OPTIONS') ?? [];
  assert.equal(probes.length, 10);
  assert.equal(probes[0]?.headers.get('Max-Forwards'), '70');
  assertNothingLeft(node);
});

test('a conversation with media is not probed', () => {
  const { callees } = play({ caller: { hangUpAfterMs: 300_000 }, callees: [{ answerAfterMs: 1000 }] });
  assert.ok(callees[0]?.requests.every(({ method }) => method !== 'OPTIONS'));
});

test('a relay that stays away for twice its time-out ends the call', () => {
  const played = scene({ callees: [{ answerAfterMs: 1000 }] });
  played.world.after(30_000, () => {
    played.node.relay.down = true;
  });
  played.caller.call('1002');
  played.world.run(AFTERWARDS);
  const [record] = played.node.ended;
  assert.equal(record?.reason, 'media relay lost');
  assert.ok((record?.endedAt ?? 0) > 150_000 && (record?.endedAt ?? 0) < 200_000, `${record?.endedAt}`);
  assert.deepEqual([played.caller.state, played.callees[0]?.state], ['over', 'over']);
  assertNothingLeft(played.node);
});

test('ring time-out: what one phone has said already is the answer (RFC 3261 16.7)', () => {
  const { node, caller } = play({ ringTimeoutMs: 20_000, callees: [{ answerAfterMs: 1000, refuseWith: 486 }, {}] });
  assert.equal(caller.status, 486);
  assert.equal(node.ended[0]?.endedBy, 'callee');
  assertNothingLeft(node);
});

test('the record of a call that we refused blames us, with the sentence of the Warning', () => {
  const broken = play({ caller: { brokenSdp: true }, callees: [{}] }).node.ended[0];
  assert.deepEqual([broken?.endedBy, broken?.status], ['server', 488]);
  assert.match(broken?.reason ?? '', /SDP not understood/);
  const played = scene({});
  played.node.relay.down = true;
  played.caller.call('1002');
  played.world.run(AFTERWARDS);
  assert.equal(played.node.ended[0]?.endedBy, 'server');
  assert.match(played.node.ended[0]?.reason ?? '', /not running/);
});

test('a callee that cannot be reached: 408 after 64*T1 (timer B)', () => {
  const { node, caller } = play({ callees: [{ diesAfterMs: 0 }] });
  assert.equal(caller.status, 408);
  assertNothingLeft(node);
});

test('more calls than maxCalls: 503', () => {
  const { caller, node } = play({ maxCalls: 0 as number });
  assert.equal(caller.status, 503);
  assertNothingLeft(node);
});

test('shutting down: BYE to both sides of an answered call, 503 for one that rings, and 503 for new ones', () => {
  const answered = scene({ callees: [{ answerAfterMs: 1000 }] });
  answered.world.after(10_000, () => answered.node.do(answered.node.server.shutDown(answered.world.now)));
  answered.caller.call('1002');
  answered.world.run(AFTERWARDS);
  assert.deepEqual([answered.caller.state, answered.callees[0]?.state], ['over', 'over']);
  assertNothingLeft(answered.node);

  const ringing = scene({});
  ringing.world.after(10_000, () => ringing.node.do(ringing.node.server.shutDown(ringing.world.now)));
  ringing.caller.call('1002');
  ringing.world.run(AFTERWARDS);
  assert.equal(ringing.caller.status, 503);
  assert.equal(ringing.callees[0]?.status, 487);
  assertNothingLeft(ringing.node);

  const late = scene({ callees: [{ answerAfterMs: 1000 }] });
  late.node.do(late.node.server.shutDown(0));
  late.caller.call('1002');
  late.world.run(AFTERWARDS);
  assert.equal(late.caller.status, 503);
});

test('however much is lost, every call comes to a clean end, and most come to the one that was meant', () => {
  for (const loss of [0.05, 0.15, 0.25, 0.3]) {
    for (const scenario of SCENARIOS) {
      const verdicts = Array.from({ length: 25 }, (_, seed) => judge(scenario, 1000 + seed, loss));
      const context = `${scenario.name}, ${loss * 100} % lost`;
      assert.ok(
        verdicts.every(({ clean }) => clean),
        context,
      );
      assert.ok(verdicts.filter(({ ringsOn }) => ringsOn).length <= 1, context);
      assert.ok(verdicts.filter(({ asMeant }) => asMeant).length >= 23, context);
      // 64*T1 bounds every repetition (RFC 3261 17): nothing is sent for ever.
      assert.ok(Math.max(...verdicts.map(({ datagrams }) => datagrams)) < 300, context);
    }
  }
});
