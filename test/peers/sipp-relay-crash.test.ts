/** The relay is killed in the middle of a call: what a user sees of it, and how soon calls work again. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { relayAnswers } from '../support/rtpp.ts';
import { openScope } from '../support/scope.ts';
import { startSystem } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';
import { placeCall, talkBothWays } from './calls.ts';

test('kill -9 of the relay during a call: it is back within 2 s, verify exits 0, and the next call has audio', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const call = await placeCall(scope, system, { caller: 'caller', callee: 'callee' });
  await talkBothWays(call);

  const relay = system.launcher.processes().find(({ command }) => command.includes('ims-relay'));
  assert.ok(relay, 'ims-launch has started ims-relay');
  process.kill(relay.pid, 'SIGKILL');
  await waitFor('a relay that answers again', () => relayAnswers(system.relayPort), { timeoutMs: 2000 });
  assert.match(system.launcher.output, /relay.*(SIGKILL|killed|signal|exit)/i);
  const verify = await runProgram(scope, {
    name: 'verify',
    command: [process.execPath, binary('ims-launch'), 'verify', '--config', join(system.directory, 'config.json')],
  });
  assert.equal(verify.code, 0, verify.output);

  const next = await placeCall(scope, system, { caller: 'caller', callee: 'callee', calleeUser: '1003' });
  await talkBothWays(next);
  await next.caller.proceed();
  await next.caller.completes();
  await next.callee.completes();
  await system.stop();
});
