/** The IMS is killed in the middle of calls: they go on in the next process, and end as calls end. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSqlite } from '../../src/store/sqlite.ts';
import { peersPresent } from '../support/peers.ts';
import { openScope } from '../support/scope.ts';
import { type System, startSystem } from '../support/system.ts';
import { latestMedia, placeCall, reinvited, talkBothWays } from './calls.ts';

/** A machine with other work takes its time to start a process. */
const PATIENCE_MS = 60_000;

/** Resolves when the next process has taken the calls. */
async function killServer({ launcher }: System): Promise<void> {
  const server = launcher.processes().find(({ command }) => command.includes('ims-server'));
  assert.ok(server, 'ims-launch has started ims-server');
  const again = launcher.waitForLine(/calls of an earlier run go on/, PATIENCE_MS);
  process.kill(server.pid, 'SIGKILL');
  await again;
}

/** The call records in a database that somebody else writes. */
async function rowsOf(path: string): Promise<unknown[]> {
  const Sqlite = await loadSqlite();
  assert.ok(typeof Sqlite !== 'string', `libsql: ${Sqlite}`);
  const database = new Sqlite(path, { readonly: true });
  try {
    return database.prepare('SELECT id, status, ended_by FROM cdr').raw().all();
  } finally {
    database.close();
  }
}

for (const ender of ['caller', 'callee'] as const) {
  test(`kill -9 of ims-server during a call: media goes on, and the BYE of the ${ender} ends it everywhere`, async (t) => {
    if (!peersPresent(t, 'sipp')) return;
    const scope = openScope(t);
    const system = await startSystem(scope, { config: { cdrFormats: ['jsonl', 'sqlite'] } });
    const scenarios =
      ender === 'caller'
        ? { caller: 'caller', callee: 'callee' }
        : { caller: 'caller-waits', callee: 'callee-hangs-up' };
    const call = await placeCall(scope, system, scenarios);
    await talkBothWays(call);
    const [first, second] = ender === 'caller' ? [call.caller, call.callee] : [call.callee, call.caller];

    await killServer(system);
    call.callerMedia.rtp.length = 0;
    call.calleeMedia.rtp.length = 0;
    await talkBothWays(call);
    await first.proceed();
    await first.completes();
    await second.completes();
    await system.expectNoSessions();
    const cdr = await system.cdr();
    assert.deepEqual([cdr.status, cdr.endedBy, cdr.cause], [200, ender, 16]);
    assert.ok((cdr.durationSeconds ?? 0) > 0);
    assert.deepEqual(await rowsOf(join(system.directory, 'data', 'cdr', 'calls.sqlite')), [[cdr.id, 200, ender]]);
    await system.stop();
  });
}

test('a call on hold is resumed after kill -9 of ims-server, with the ports that it had', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const call = await placeCall(scope, system, { caller: 'caller-holds', callee: 'callee-held' });
  await talkBothWays(call);
  const before = await latestMedia(call.callee);
  await call.caller.proceed();
  await reinvited(call.callee, 2);
  assert.equal((await latestMedia(call.callee)).direction, 'sendonly');

  await killServer(system);
  await call.caller.proceed();
  await reinvited(call.callee, 3);
  const after = await latestMedia(call.callee);
  assert.deepEqual([after.direction, after.port], ['sendrecv', before.port]);
  call.callerMedia.rtp.length = 0;
  call.calleeMedia.rtp.length = 0;
  await talkBothWays(call);
  await call.caller.proceed();
  await call.caller.completes();
  await call.callee.completes();
  await system.expectNoSessions();
  assert.equal((await system.cdr()).endedBy, 'caller');
  await system.stop();
});
