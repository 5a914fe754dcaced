/** The configuration file as editors, orchestrators and accidents change it, under a launcher that runs. */
import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { choosePlace, configure, eventLine, fixture, type LaunchPlace, startLauncher } from '../support/launcher.ts';
import { ask, countOf, pidsOf, ready, startReloadable, waitForCount } from '../support/reload.ts';
import { openScope } from '../support/scope.ts';
import { waitFor } from '../support/wait.ts';

/** What the file holds when `configure` would write these keys. */
function text(place: LaunchPlace, keys: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    SERVER_ADDR: '127.0.0.1',
    SERVER_PORT: place.sipPort,
    dataDir: join(place.directory, 'data'),
    LOG_LEVEL: 'DEBUG',
    relay: { port: place.relayPort, minPort: place.minPort, maxPort: place.maxPort },
    ...keys,
  });
}

/** A change that takes no restart. */
const calls = (maxCalls: number) => ({ ims: { maxCalls } });

test('fault 76: truncated, and written 250 ms later: one reload, nothing refused', async (t) => {
  const run = await startReloadable(t);
  await writeFile(run.place.configPath, '');
  await sleep(250);
  await writeFile(run.place.configPath, text(run.place, calls(11)));
  await waitForCount(run, 'reload.applied', 1);
  await writeFile(run.place.configPath, text(run.place, calls(12)));
  await waitForCount(run, 'reload.applied', 2);
  assert.equal(countOf(run, 'reload.rejected'), 0);
  assert.equal(countOf(run, 'reload.applied'), 2);
});

test('faults 77, 80: refused once for each content, the last good one stays, and the processes; then it is mended', async (t) => {
  const run = await startReloadable(t);
  const before = await pidsOf(run);
  await writeFile(run.place.configPath, '');
  await waitForCount(run, 'reload.rejected', 1);
  // The same content again, by the watch and by order: the operator is answered, the log is not filled.
  await utimes(run.place.configPath, new Date(), new Date());
  const asked = await ask(run, 'reload');
  assert.equal(asked.code, 1, asked.output);
  assert.match(asked.output, /is not JSON/);
  await writeFile(run.place.configPath, '{ "SERVER_PORT": "none" }');
  await waitForCount(run, 'reload.rejected', 2);
  assert.match((await ask(run, 'status')).output, /the configuration before is in force/);
  assert.equal((JSON.parse((await ask(run, 'status', '--json')).output) as { configStale: boolean }).configStale, true);
  assert.deepEqual(await pidsOf(run), before);
  await writeFile(run.place.configPath, text(run.place, calls(13)));
  await waitForCount(run, 'reload.applied', 1);
  assert.equal(countOf(run, 'reload.rejected'), 2);
  assert.deepEqual(await pidsOf(run), before);
  assert.equal(
    (JSON.parse((await ask(run, 'status', '--json')).output) as { configStale: boolean }).configStale,
    false,
  );
});

test('fault 78: renamed over, put aside by an editor, deleted and made again: each is applied once', async (t) => {
  const run = await startReloadable(t);
  const { configPath, directory } = run.place;
  const other = join(directory, 'new.json');

  await writeFile(other, text(run.place, calls(21)));
  await rename(other, configPath);
  await waitForCount(run, 'reload.applied', 1);

  await rename(configPath, `${configPath}~`);
  await writeFile(configPath, text(run.place, calls(22)));
  await waitForCount(run, 'reload.applied', 2);

  await rm(configPath);
  await sleep(400);
  await writeFile(configPath, text(run.place, calls(23)));
  await waitForCount(run, 'reload.applied', 3);

  await writeFile(configPath, text(run.place, calls(24)));
  await waitForCount(run, 'reload.applied', 4);
  assert.equal(countOf(run, 'reload.applied'), 4);
});

test('fault 78: a ConfigMap is swapped twice: each is applied once', async (t) => {
  const scope = openScope(t);
  const chosen = await choosePlace(scope);
  const volume = join(chosen.directory, 'volume');
  const place = { ...chosen, configPath: join(volume, 'config.json') };
  /** As kubelet does it: a directory of its own for each version, and a link that is renamed over the one before. */
  const publish = async (version: number): Promise<void> => {
    const name = `..version-${version}`;
    await mkdir(join(volume, name), { recursive: true });
    await writeFile(join(volume, name, 'config.json'), text(place, calls(30 + version)));
    await symlink(name, join(volume, '..data_tmp'));
    await rename(join(volume, '..data_tmp'), join(volume, '..data'));
    if (version > 0) {
      await rm(join(volume, `..version-${version - 1}`), { recursive: true });
    }
  };
  await publish(0);
  await symlink(join('..data', 'config.json'), place.configPath);
  const run = { scope, place, launcher: startLauncher(scope, place) };
  await ready(run);
  await publish(1);
  await waitForCount(run, 'reload.applied', 1);
  await publish(2);
  await waitForCount(run, 'reload.applied', 2);
  assert.match((await ask(run, 'reload')).output, /nothing changed/);
  assert.equal(countOf(run, 'reload.applied'), 2);
});

test('fault 79: touched, or written anew with the keys in another order: nothing happens', async (t) => {
  const run = await startReloadable(t, { USERS: { 1: 'a', alice: 'b', bob: 'c' } });
  const { configPath } = run.place;
  const users = (names: Record<string, string>): string => text(run.place, { USERS: names });
  const looks = countOf(run, 'reload.unchanged');
  await utimes(configPath, new Date(), new Date());
  await waitForCount(run, 'reload.unchanged', looks + 1);
  await writeFile(configPath, users({ bob: 'c', alice: 'b', 1: 'a' }));
  await waitForCount(run, 'reload.unchanged', looks + 2);
  assert.match((await ask(run, 'reload')).output, /^nothing changed/m);
  assert.equal(countOf(run, 'reload.applied'), 0);
});

test('fault 82: users change without a restart, and no password is shown', async (t) => {
  const run = await startReloadable(t, { USERS: { alice: 'first-secret', bob: 'second-secret' } });
  const before = await pidsOf(run);
  await configure(run.place, { ...run.keys, USERS: { alice: 'third-secret', carol: 'fourth-secret' } });
  await run.launcher.waitForLine(eventLine('reload.applied'));
  assert.match(run.launcher.output, /USERS: \{alice, bob\} … → \{alice, carol\} …/);
  const taken = await run.launcher.waitForLine(/"count":2,.*configuration taken|configuration taken.*"count":2/);
  assert.ok(taken);
  assert.deepEqual(await pidsOf(run), before);
  assert.doesNotMatch(run.launcher.output, /(first|second|third|fourth)-secret/);
});

test('fault 84: fifty writes in a second: at most two restarts of the IMS, none of the relay, the last one wins', async (t) => {
  const run = await startReloadable(t);
  const before = await pidsOf(run);
  for (let write = 1; write <= 50; write++) {
    await configure(run.place, { ...run.keys, ims: { realm: `realm-${write}` } });
    await sleep(20);
  }
  await run.launcher.waitForLine(/"event":"reload.applied".*→ \\"realm-50\\"/);
  const after = await waitFor('another IMS', async () => {
    const pids = await pidsOf(run);
    return pids.ims !== null && pids.ims !== before.ims && pids;
  });
  assert.equal(after.relay, before.relay);
  await waitForCount(run, 'comp.ready', 3);
  // Whoever asks now gets nothing new: the last content is in force.
  assert.match((await ask(run, 'reload')).output, /nothing changed/);
  assert.ok(countOf(run, 'ims.spawn') <= 3, `${countOf(run, 'ims.spawn')} starts of the IMS`);
  assert.equal(countOf(run, 'relay.spawn'), 1);
});

test('fault 87: a change while everything stops is ignored', async (t) => {
  const run = await startReloadable(t, (place) => ({
    ims: { command: fixture('sip-stub', '--port', place.sipPort, '--stop-after', 3000) },
  }));
  run.launcher.signal('SIGTERM');
  await run.launcher.waitForLine(eventLine('stop.signal', 'ims'));
  await writeFile(run.place.configPath, '{');
  const asked = await ask(run, 'reload');
  assert.notEqual(asked.code, 0, asked.output);
  assert.match(asked.output, /everything stops/);
  assert.equal((await run.launcher.waitForExit()).code, 0);
  assert.equal(countOf(run, 'reload.rejected') + countOf(run, 'reload.applied'), 0);
});
