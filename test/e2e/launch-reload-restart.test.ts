/** Changes that need another process, another address, or a way back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configure, eventLine, fixture, type LaunchPlace, startLauncher } from '../support/launcher.ts';
import { freeUdpPort } from '../support/ports.ts';
import { Program } from '../support/program.ts';
import { ask, countOf, pidsOf, ready, startReloadable, waitForCount } from '../support/reload.ts';
import { askRelay } from '../support/rtpp.ts';
import { boundUdpPorts } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

test('another SIP port: the IMS restarts on it, the relay goes on, no counter moves', async (t) => {
  const run = await startReloadable(t);
  const before = await pidsOf(run);
  const port = await freeUdpPort();
  await configure(run.place, { ...run.keys, SERVER_PORT: port });
  await waitForCount(run, 'comp.ready', 3, 30_000);
  assert.ok(boundUdpPorts().has(port));
  assert.ok(!boundUdpPorts().has(run.place.sipPort));
  const after = await pidsOf(run);
  assert.equal(after.relay, before.relay);
  assert.notEqual(after.ims, before.ims);
  assert.equal((await ask(run, 'status')).code, 0);
  assert.equal(countOf(run, 'comp.backoff'), 0);
});

test('fault 83: a SIP port that somebody has: the IMS fails there, and is back on the port before', async (t) => {
  const run = await startReloadable(t);
  const before = await pidsOf(run);
  const taken = await freeUdpPort();
  const holder = Program.start(run.scope, { name: 'holder', command: fixture('udp-holder', taken) });
  await holder.waitForLine(/holding/);
  await configure(run.place, { ...run.keys, SERVER_PORT: taken });
  const failed = await run.launcher.waitForLine(eventLine('reload.failed', 'ims'), 60_000);
  assert.match(failed, /did not become ready in 3 tries/);
  const rolledBack = await run.launcher.waitForLine(eventLine('reload.rolledBack', 'ims'), 30_000);
  assert.match(rolledBack, /"key":\["SERVER_PORT"\]/);
  await waitForCount(run, 'comp.ready', 3, 60_000);
  assert.ok(boundUdpPorts().has(run.place.sipPort));
  assert.equal((await pidsOf(run)).relay, before.relay);
  const status = await ask(run, 'status');
  assert.equal(status.code, 0);
  assert.match(status.output, /the configuration before is in force/);

  // The operator frees the port, and says so.
  await holder.stop();
  assert.match((await ask(run, 'reload')).output, /restarting: ims/);
  await waitFor('the IMS on its new port', () => boundUdpPorts().has(taken), { timeoutMs: 30_000 });
  await waitForCount(run, 'comp.ready', 4, 60_000);
  assert.doesNotMatch((await ask(run, 'status')).output, /the configuration before/);
});

/** An IMS that says which address it was given. */
function external(place: LaunchPlace): [string, ...string[]] {
  const [node, ...words] = fixture('sip-stub', '--port', place.sipPort);
  return ['sh', '-c', `echo "told $SERVER_IP"; exec "$0" "$@"`, node, ...words];
}

test('fault 81: an external IMS restarts for another address when no session is left, and is told it', async (t) => {
  const run = await startReloadable(t, (place) => ({ ims: { command: external(place) } }));
  await run.launcher.waitForLine(/told 127\.0\.0\.1"/);
  const before = await pidsOf(run);
  await askRelay(run.place.relayPort, 'U a-call 127.0.0.1 4000 tag');
  await configure(run.place, { ...run.keys, SERVER_ADDR: '127.0.0.2' });
  await run.launcher.waitForLine(eventLine('reload.planned', 'ims'), 30_000);
  // The relay of ours takes it at once: a session of now is there, that of before is where it was.
  await run.launcher.waitForLine(/new sessions use another address/);
  assert.match(await askRelay(run.place.relayPort, 'U b-call 127.0.0.1 4002 tag'), / 127\.0\.0\.2$/);
  assert.match(await askRelay(run.place.relayPort, 'U a-call 127.0.0.1 4000 tag'), / 127\.0\.0\.1$/);
  const { output } = await ask(run, 'status', '--json');
  assert.equal((JSON.parse(output) as { services: { ims: { pid: number } } }).services.ims.pid, before.ims);
  assert.doesNotMatch(run.launcher.output, /told 127\.0\.0\.2"/);

  await askRelay(run.place.relayPort, 'D a-call tag');
  assert.doesNotMatch(run.launcher.output, /told 127\.0\.0\.2"/, 'one session is left');
  await askRelay(run.place.relayPort, 'D b-call tag');
  await run.launcher.waitForLine(/told 127\.0\.0\.2"/, 30_000);
  await waitForCount(run, 'comp.ready', 3, 30_000);
  const after = await pidsOf(run);
  assert.equal(after.relay, before.relay);
});

test('what cannot be taken is named: settings of a relay that was found, what holds for the run, an address to ignore', async (t) => {
  const run = await startReloadable(t, { reload: { onAddressChange: 'ignore' } });
  const sipPort = await freeUdpPort();
  const place = { ...run.place, sipPort, configPath: `${run.place.configPath}.second` };
  await configure(place, { LOG_LEVEL: 'DEBUG' });
  const second = { scope: run.scope, place, launcher: startLauncher(run.scope, place) };
  await ready(second);
  await second.launcher.waitForLine(eventLine('relay.adopted'));
  const before = await pidsOf(run);

  await configure(place, { LOG_LEVEL: 'INFO', relay: { plane: 'portable' }, ims: { realm: 'new' } });
  await second.launcher.waitForLine(/"event":"reload.refused","key":\["relay.plane"\]/);
  await second.launcher.waitForLine(/"event":"reload.applied","key":\["LOG_LEVEL","ims.realm"\]/);
  await waitForCount(second, 'comp.ready', 2, 30_000);
  assert.equal((await pidsOf(run)).relay, before.relay, 'the relay of the other launcher is left alone');

  await configure(run.place, { ...run.keys, SERVER_ADDR: '127.0.0.3', relay: { timeoutSeconds: 61 } });
  await run.launcher.waitForLine(/"event":"reload.pending","key":\["SERVER_ADDR"\]/);
  await waitForCount(run, 'comp.ready', 3, 30_000);
  const after = await pidsOf(run);
  assert.deepEqual([after.relay === before.relay, after.ims === before.ims], [false, true]);
  assert.match(await askRelay(place.relayPort, 'U call 127.0.0.1 4000 tag'), / 127\.0\.0\.1$/);
});

test('an external IMS is told of what concerns it by the signal it wants, and of nothing else', async (t) => {
  const [node, ...words] = fixture('sip-stub');
  const script = 'trap "echo told to reload" HUP; "$0" "$@" & while kill -0 $!; do wait $!; done';
  const run = await startReloadable(t, (place) => {
    const command = ['sh', '-c', script, node, ...words, '--port', String(place.sipPort)];
    return { ims: { command, reloadSignal: 'SIGHUP' } };
  });
  const before = await pidsOf(run);
  await configure(run.place, { ...run.keys, supervisor: { drainMaxMs: 1000 } });
  await waitForCount(run, 'reload.applied', 1);
  assert.doesNotMatch(run.launcher.output, /"msg":"told to reload"/);
  await configure(run.place, { ...run.keys, supervisor: { drainMaxMs: 1000 }, USERS: { alice: 'some-secret' } });
  await run.launcher.waitForLine(/"msg":"told to reload"/, 30_000);
  assert.deepEqual(await pidsOf(run), before);
  assert.doesNotMatch(run.launcher.output, /some-secret/);
});
