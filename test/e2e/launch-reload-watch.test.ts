/** A file that the system gives no notice of, or whose directory is not there yet. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { choosePlace, configure, eventLine, startLauncher } from '../support/launcher.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { countOf, pidsOf, ready, waitForCount } from '../support/reload.ts';
import { openScope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';

const calls = (maxCalls: number) => ({ LOG_LEVEL: 'DEBUG', ims: { maxCalls } });

test('fault 85: no inotify watches left: one warning, the file is polled, a change is applied within seconds', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, calls(10));
  // A user namespace has limits of its own, so that nobody else on this machine is short of watches.
  const limit = 'echo 0 > /proc/sys/user/max_inotify_watches && exec "$0" "$@"';
  const launcher = Program.start(scope, {
    name: 'ims-launch',
    command: [
      ...(['unshare', '--user', '--map-root-user', 'sh', '-c', limit] as const),
      ...[process.execPath, binary('ims-launch'), '--config', place.configPath],
    ],
    cwd: place.directory,
    env: { XDG_RUNTIME_DIR: place.directory },
  });
  const run = { scope, place, launcher };
  await ready(run);
  await launcher.waitForLine(/"event":"reload.polling".*"reason":"ENOSPC"/);
  await configure(place, calls(11));
  await waitForCount(run, 'reload.applied', 1, 9000);
  await configure(place, calls(12));
  await waitForCount(run, 'reload.applied', 2, 9000);
  assert.equal(countOf(run, 'reload.polling'), 1);
});

test('fault 85: CHOKIDAR_USEPOLLING polls from the start, where a file system gives no notice', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, calls(10));
  const launcher = startLauncher(scope, place, { env: { CHOKIDAR_USEPOLLING: '1' } });
  const run = { scope, place, launcher };
  await ready(run);
  await configure(place, calls(11));
  await waitForCount(run, 'reload.applied', 1, 9000);
  assert.equal(countOf(run, 'reload.polling'), 0);
});

test('fault 86: the directory of the file is missing at the start, and made later: the file is picked up', async (t) => {
  const scope = openScope(t);
  const chosen = await choosePlace(scope);
  // Without --config the file need not exist: config/config.json below the working directory.
  const place = { ...chosen, configPath: join(chosen.directory, 'config', 'config.json') };
  const variables = {
    IMS_LAUNCH_SERVER_ADDR: '127.0.0.1',
    IMS_LAUNCH_SERVER_PORT: place.sipPort,
    IMS_LAUNCH_RELAY_PORT: place.relayPort,
    IMS_LAUNCH_RELAY_MIN_PORT: place.minPort,
    IMS_LAUNCH_RELAY_MAX_PORT: place.maxPort,
    IMS_LAUNCH_DATA_DIR: join(place.directory, 'data'),
    XDG_RUNTIME_DIR: place.directory,
  };
  const launcher = Program.start(scope, {
    name: 'ims-launch',
    command: [process.execPath, binary('ims-launch')],
    cwd: place.directory,
    env: Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)])),
  });
  await launcher.waitForLine(READY_LINE, 30_000);
  const run = { scope, place, launcher };
  const before = await pidsOf(run);
  await mkdir(join(place.directory, 'config'));
  await configure(place, calls(11));
  await launcher.waitForLine(eventLine('reload.applied'), 30_000);
  await configure(place, calls(12));
  await waitForCount(run, 'reload.applied', 2);
  assert.deepEqual(await pidsOf(run), before);
});
