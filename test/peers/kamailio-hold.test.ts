/** Hold through a proxy that says nothing of it to the relay: what `calls` and `events` make of the silence. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CallRow, CallsAnswer } from '../../src/app/launch/calls.ts';
import { peersPresent } from '../support/peers.ts';
import { runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { keepTalking } from '../support/rtp-party.ts';
import { openScope } from '../support/scope.ts';
import { waitFor } from '../support/wait.ts';
import { latestMedia, reinvited, toldMedia } from './calls.ts';
import { placeKamailioCall, startKamailioSystem } from './kamailio.ts';

test('Kamailio: the callee falls silent because it is held: no alarm, neither then nor when it is heard again', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp')) return;
  const scope = openScope(t);
  const system = await startKamailioSystem(scope);
  const launch = async (...words: string[]): Promise<string> => {
    const { code, output } = await runProgram(scope, {
      name: `ims-launch ${words.join(' ')}`,
      command: [process.execPath, binary('ims-launch'), ...words, '--config', join(system.directory, 'config.json')],
      env: { XDG_RUNTIME_DIR: system.directory },
    });
    assert.equal(code, 0, output);
    return output;
  };
  const rowWhen = (what: string, is: (row: CallRow) => boolean): Promise<CallRow> =>
    waitFor(what, async () => {
      const [row] = (JSON.parse(await launch('calls', '--json')) as CallsAnswer).calls;
      return row !== undefined && is(row) && row;
    });
  const call = await placeKamailioCall(scope, system, { caller: 'caller-holds', callee: 'callee-held' });
  const told = await toldMedia(call);
  await call.callee.received(/^ACK/);
  keepTalking(scope, call.callerMedia, told.caller.port);
  const holdTongue = keepTalking(scope, call.calleeMedia, told.callee.port);
  await rowWhen('both to be heard', isHeard);
  const alarms = async (): Promise<string[]> =>
    (await launch('events')).split('\n').filter((line) => /media\.(?!held|flows|late).*side=callee/.test(line));
  // A busy machine may have begun to talk late.
  const before = await alarms();

  // The caller goes on, with music.
  await call.caller.proceed();
  await call.callee.received(/^INVITE/, 2);
  await holdTongue();
  await reinvited(call.callee, 2);
  assert.equal((await latestMedia(call.callee)).direction, 'sendonly');
  const { callee } = await rowWhen(
    'a callee that is not heard any more',
    (row) => row.callee.verdict !== 'flows' && row.callee.verdict !== 'late',
  );
  assert.equal(callee.verdict, 'held', callee.words);
  assert.match(callee.words, /^on hold, it seems: callee's RTP stopped when signalling spoke of the call anew/);
  assert.match(await launch('calls'), /^ +callee .* held$/m);

  await call.caller.proceed();
  await reinvited(call.callee, 3);
  assert.equal((await latestMedia(call.callee)).direction, 'sendrecv');
  keepTalking(scope, call.calleeMedia, (await latestMedia(call.callee)).port);
  await rowWhen('both to be heard again', isHeard);
  assert.deepEqual(await alarms(), before);

  await call.caller.proceed();
  await call.caller.completes();
  await call.callee.completes();
  await system.expectNoSessions();
});

function isHeard({ caller, callee }: CallRow): boolean {
  return [caller, callee].every(({ verdict }) => verdict === 'flows' || verdict === 'late');
}
