/** A relay that dies under answered calls: they move to another session, in virtual time and over lossy links. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Phone, PhoneScript } from './phone.ts';
import { AFTERWARDS, type Scene, type SceneOptions, scene } from './scene.ts';

const DIES_AT = 23_000;

/** A call that is answered after a second; the relay loses it later, and `tell` says so to the server. */
function playDeath(options: SceneOptions, tell: (played: Scene) => void = tellRestart): Scene {
  const played = scene({ callees: [{ answerAfterMs: 1000 }], ...options });
  played.world.after(DIES_AT, () => {
    played.node.relay.sessions.clear();
    tell(played);
  });
  played.caller.call('1002');
  played.world.run(AFTERWARDS);
  return played;
}

function tellRestart({ node, world }: Scene): void {
  node.do(node.server.handleRelayRestart(world.now));
}

function lastPort({ bodies }: Phone): number {
  return Number(/m=audio ([0-9]+) /.exec(bodies.at(-1) ?? '')?.[1]);
}

function assertNothingLeft({ node }: Scene, context = ''): void {
  for (const [what, count] of Object.entries(node.leftovers())) {
    assert.equal(count, 0, `${context} ${what} left`);
  }
}

function kindsOf({ node }: Scene): string[] {
  return node.events.map(({ kind }) => kind).filter((kind) => kind !== 'changed');
}

test('the relay was restarted: each party gets a re-INVITE and a new port, and the call goes on', () => {
  const caller: PhoneScript = { hangUpAfterMs: 60_000 };
  const played = playDeath({ caller });
  const [callee] = played.callees;
  assert.ok(callee);
  assert.deepEqual(kindsOf(played), ['invited', 'ringing', 'answered', 'moved', 'ended']);
  assert.deepEqual([played.caller.reinvitesReceived, callee.reinvitesReceived], [1, 1]);
  const ports = played.node.relay.commands
    .filter(({ kind, session }) => kind === 'publish' && session.instance.endsWith('.m1'))
    .map(({ kind }) => kind);
  assert.equal(ports.length, 2, 'offer and answer through a session with a name of its own');
  const moved = played.node.events.find(({ kind }) => kind === 'moved');
  assert.deepEqual(moved?.record.relayPorts, { caller: [lastPort(played.caller)], callee: [lastPort(callee)] });
  assert.equal(moved?.snapshot?.media.session.instance.endsWith('.m1'), true, 'the next process knows the new session');
  assert.deepEqual([played.node.ended[0]?.endedBy, played.node.ended[0]?.reason], ['caller', 'bye']);
  assertNothingLeft(played);
});

test('the relay of some calls is gone and others are left: those calls move, others do not', () => {
  for (const isConcerned of [true, false]) {
    const played = playDeath({ caller: { hangUpAfterMs: 25_000 } }, ({ node, world }) => {
      node.do(node.server.handleRelayGone(world.now, () => isConcerned));
    });
    assert.equal(played.caller.reinvitesReceived, isConcerned ? 1 : 0);
    assertNothingLeft(played);
  }
});

test('it moves or it ends on both sides, and nothing is left, at 0 to 30 % loss', () => {
  let moved = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const loss = ((seed - 1) % 4) / 10;
    const played = playDeath({ seed, loss, caller: { hangUpAfterMs: 90_000 } });
    const context = `seed ${seed}, loss ${loss}:`;
    moved += kindsOf(played).includes('moved') ? 1 : 0;
    assert.equal(played.node.ended.length, 1, `${context} one record`);
    assert.deepEqual([played.caller.state, played.callees[0]?.state], ['over', 'over'], context);
    assertNothingLeft(played, context);
    if (loss === 0) {
      assert.ok(kindsOf(played).includes('moved'), context);
    }
  }
  assert.ok(moved >= 54, `${moved} of 60 moved`);
});

test('a party that takes no re-INVITE: the call ends on both sides, and the record says why', () => {
  for (const refuses of ['caller', 'callee'] as const) {
    const script = { refuseReinvitesWith: 488 };
    const played = playDeath({
      caller: refuses === 'caller' ? script : {},
      callees: [{ answerAfterMs: 1000, ...(refuses === 'callee' && script) }],
    });
    assert.deepEqual([played.node.ended[0]?.endedBy, played.node.ended[0]?.reason], ['server', 'media relay lost']);
    assert.deepEqual([played.caller.state, played.callees[0]?.state], ['over', 'over'], refuses);
    assertNothingLeft(played, refuses);
  }
});

test('a party that always answers 491 is asked again for 20 s, not for ever', () => {
  const played = playDeath({ callees: [{ answerAfterMs: 1000, refuseReinvitesWith: 491 }] });
  const [record] = played.node.ended;
  assert.equal(record?.reason, 'media relay lost');
  assert.ok((record?.endedAt ?? 0) > DIES_AT + 15_000 && (record?.endedAt ?? 0) < DIES_AT + 25_000);
  assert.ok((played.callees[0]?.reinvitesReceived ?? 0) > 3);
  assertNothingLeft(played);
});

test('a party that has died is no reason to wait for ever', () => {
  const played = playDeath({ callees: [{ answerAfterMs: 1000, diesAfterMs: 20_000 }] });
  assert.equal(played.node.ended[0]?.endedBy, 'server');
  assert.ok((played.node.ended[0]?.endedAt ?? 0) < DIES_AT + 25_000);
  assert.equal(played.caller.state, 'over');
  assertNothingLeft(played);
});

test('a party that hangs up meanwhile has its BYE, and each 200 its ACK', () => {
  for (const delay of [1, 20, 45, 70, 95, 130]) {
    const played = playDeath({}, (scene) => {
      tellRestart(scene);
      scene.world.after(delay, () => scene.caller.hangUp());
    });
    assert.equal(played.node.ended[0]?.endedBy, 'caller', `after ${delay} ms`);
    assert.equal(played.callees[0]?.state, 'over');
    assertNothingLeft(played, `after ${delay} ms`);
  }
});

test('while a re-INVITE of a party is under way it waits', () => {
  const played = playDeath({ caller: { hangUpAfterMs: 60_000 } }, (scene) => {
    scene.caller.reinvite('sendonly');
    scene.world.after(30, () => tellRestart(scene));
  });
  assert.ok(['caller', 'server'].includes(played.node.ended[0]?.endedBy ?? ''));
  assert.deepEqual([played.caller.state, played.callees[0]?.state], ['over', 'over']);
  assertNothingLeft(played);
});

test('a relay that is restarted again while the call moves: it moves once more', () => {
  let wentOn = 0;
  for (let delay = 1; delay <= 151; delay += 5) {
    const played = playDeath({ caller: { hangUpAfterMs: 90_000 } }, (scene) => {
      tellRestart(scene);
      scene.world.after(delay, () => {
        scene.node.relay.sessions.clear();
        tellRestart(scene);
      });
    });
    assert.deepEqual([played.caller.state, played.callees[0]?.state], ['over', 'over'], `after ${delay} ms`);
    assertNothingLeft(played, `after ${delay} ms`);
    const endsByCaller = played.node.ended[0]?.endedBy === 'caller';
    wentOn += endsByCaller ? 1 : 0;
    if (endsByCaller) {
      const last = played.node.relay.commands.findLast(({ kind }) => kind === 'check' || kind === 'publish');
      assert.equal(
        last?.session.instance,
        played.node.relay.commands.at(-1)?.session.instance,
        'the relay has the call',
      );
    }
  }
  assert.equal(wentOn, 31, 'each went on');
});

test('a relay that dies while it takes the call, and comes back within 20 s: the call is placed once more', () => {
  for (let delay = 1; delay <= 151; delay += 5) {
    for (const awayMs of [0, 500, 9000]) {
      const context = `after ${delay} ms, away for ${awayMs} ms`;
      const played = playDeath({ caller: { hangUpAfterMs: 90_000 } }, (scene) => {
        const { node, world } = scene;
        tellRestart(scene);
        world.after(delay, () => {
          node.relay.sessions.clear();
          node.relay.down = awayMs > 0;
          world.after(awayMs, () => {
            node.relay.down = false;
            tellRestart(scene);
          });
        });
      });
      assert.equal(played.node.ended[0]?.endedBy, 'caller', context);
      assert.deepEqual([played.caller.state, played.callees[0]?.state], ['over', 'over'], context);
      const { session } = played.node.events.findLast(({ kind }) => kind === 'moved')?.snapshot?.media ?? {};
      assert.equal(session?.instance, played.node.relay.commands.at(-1)?.session.instance, context);
      assertNothingLeft(played, context);
    }
  }
});

test('a call that still rings ends, so that the caller can try again', () => {
  const played = playDeath({ callees: [{ answerAfterMs: 60_000 }] });
  assert.equal(played.caller.status, 503);
  assert.equal(played.node.ended[0]?.reason, 'media-lost');
  assertNothingLeft(played);
});

test('the notice of a restart may come a moment after the relay was asked', () => {
  const played = scene({ callees: [{ answerAfterMs: 1000 }], caller: { hangUpAfterMs: 60_000 } });
  played.world.after(DIES_AT, () => played.node.relay.sessions.clear());
  // The next look at the relay is at 40 s after the call began.
  played.world.after(41_500, () => tellRestart(played));
  played.caller.call('1002');
  played.world.run(AFTERWARDS);
  assert.ok(kindsOf(played).includes('moved'), kindsOf(played).join(' '));
  assert.equal(played.node.ended[0]?.endedBy, 'caller');
  assertNothingLeft(played);
});
