/** SIPp holds and resumes by re-INVITE: RFC 3264 8.4, RFC 3261 14. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { openScope } from '../support/scope.ts';
import type { MediaLine } from '../support/sip-log.ts';
import { startSystem } from '../support/system.ts';
import { type Call, latestMedia, placeCall, reinvited, talkBothWays } from './calls.ts';

for (const holder of ['caller', 'callee'] as const) {
  test(`the ${holder} holds and resumes: directions pass through, the relay's ports stay, media flows again`, async (t) => {
    if (!peersPresent(t, 'sipp')) return;
    const scope = openScope(t);
    const system = await startSystem(scope);
    const call = await placeCall(
      scope,
      system,
      holder === 'caller'
        ? { caller: 'caller-holds', callee: 'callee-held' }
        : { caller: 'caller-held', callee: 'callee-holds' },
    );
    const [holding, held] = holder === 'caller' ? [call.caller, call.callee] : [call.callee, call.caller];
    await talkBothWays(call);
    const before = await currentMedia(call);

    await holding.proceed();
    await reinvited(held, holder === 'caller' ? 2 : 1);
    assert.equal((await latestMedia(held)).direction, 'sendonly');
    assert.equal((await latestMedia(holding)).direction, 'recvonly');

    await holding.proceed();
    await reinvited(held, holder === 'caller' ? 3 : 2);
    const after = await currentMedia(call);
    assert.equal(after.caller.direction, 'sendrecv');
    assert.equal(after.callee.direction, 'sendrecv');
    assert.deepEqual([after.caller.port, after.callee.port], [before.caller.port, before.callee.port]);
    call.callerMedia.rtp.length = 0;
    call.calleeMedia.rtp.length = 0;
    await talkBothWays(call);

    await holding.proceed();
    await holding.completes();
    await held.completes();
    await system.expectNoSessions();
    assert.equal((await system.cdr()).endedBy, holder);
    await system.stop();
  });
}

async function currentMedia(call: Call): Promise<{ caller: MediaLine; callee: MediaLine }> {
  return { caller: await latestMedia(call.caller), callee: await latestMedia(call.callee) };
}
