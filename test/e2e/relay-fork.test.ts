/** A session that is fed with copies of another one (the subcommand `C`), with real packets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { converse, RtpParty } from '../support/rtp-party.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { startRelay, startSession } from '../support/test-relay.ts';
import { waitFor } from '../support/wait.ts';

const COUNT = 20;

async function openForkedCall(scope: Scope) {
  const relay = await startRelay(scope);
  const [caller, callee, first, second] = await Promise.all(
    ['caller', 'callee', 'first', 'second'].map((name) => RtpParty.open(scope, name)),
  );
  assert.ok(caller && callee && first && second);
  const call = await startSession(relay, caller, callee);
  const told = await relay.ask(`U copy 127.0.0.1 ${first.port} C D && L 127.0.0.1 ${second.port} && C call B A`);
  const [, forSecond, forFirst] = /^(\d+) 127\.0\.0\.1 && (\d+) 127\.0\.0\.1$/.exec(told) ?? [];
  assert.ok(forFirst !== undefined && forSecond !== undefined, told);
  return {
    relay,
    call,
    parties: { caller, callee, first, second },
    copy: {
      forFirst: { address: '127.0.0.1', port: Number(forFirst) },
      forSecond: { address: '127.0.0.1', port: Number(forSecond) },
    },
  };
}

test('each party of the copy hears one party of the call, RTP and RTCP, from the port that it was told', async (t) => {
  const { call, parties, copy } = await openForkedCall(openScope(t));
  const { caller, callee, first, second } = parties;
  await converse({ party: caller, to: call.forCaller }, { party: callee, to: call.forCallee }, COUNT);
  // After the L the command is about D, who stands where B stands: it hears A; and C hears B.
  await second.waitUntilHeard(caller, COUNT - 5);
  await first.waitUntilHeard(callee, COUNT - 5);
  assert.equal(second.heardFrom(callee).length + first.heardFrom(caller).length, 0);
  assert.ok(first.rtp.every(({ fromPort }) => fromPort === copy.forFirst.port));
  assert.ok(second.rtcp.every(({ fromPort }) => fromPort === copy.forSecond.port + 1));
});

test('what the parties of the copy say is heard by nobody', async (t) => {
  const { relay, call, parties, copy } = await openForkedCall(openScope(t));
  const { caller, callee, first, second } = parties;
  await first.talk(copy.forFirst, 5);
  await second.talk(copy.forSecond, 5);
  await waitFor('their packets at the relay', async () => (await relay.ask('Q copy C D')).endsWith(' 5 5 0 10'));
  await converse({ party: caller, to: call.forCaller }, { party: callee, to: call.forCallee }, COUNT);
  await second.waitUntilHeard(caller, COUNT - 5);
  for (const listener of [caller, callee, first, second]) {
    assert.equal(listener.heardFrom(first).length + listener.heardFrom(second).length, 0, listener.name);
  }
});

test('the call goes on when the copy ends, and the copy falls silent when the call ends', async (t) => {
  const { relay, call, parties } = await openForkedCall(openScope(t));
  const { caller, callee, first } = parties;
  assert.equal(await relay.ask('D copy C D'), '0');
  await converse({ party: caller, to: call.forCaller }, { party: callee, to: call.forCallee }, COUNT);
  assert.equal(first.rtp.length, 0);
  assert.equal(await relay.ask('D call A B'), '0');
  assert.equal(await relay.ask('G nsess_created nsess_destroyed'), '2 2');
});
