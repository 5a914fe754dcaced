/** `ims-launch` as a service of systemd: what it tells its manager, and the units that it prints. */
import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { listenForDatagrams } from '../support/datagram-listener.ts';
import { choosePlace, configure, type LaunchPlace, startLauncher } from '../support/launcher.ts';
import { peersPresent } from '../support/peers.ts';
import { runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';

test('READY when it is ready, a status, RELOADING around a HUP, the watchdog, STOPPING', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const path = join(place.directory, 'notify');
  const manager = listenForDatagrams(scope, path);
  const launcher = startLauncher(scope, place, { env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: '400000' } });
  await launcher.waitForLine(READY_LINE);
  await manager.waitForLine(/^READY=1$/);
  await manager.waitForLine(/^STATUS=running: relay ready, IMS ready$/);
  await manager.waitForLine(/^WATCHDOG=1$/);
  assert.ok(!manager.received().some((text) => text.includes('RELOADING')));
  launcher.signal('SIGHUP');
  await manager.waitForLine(/^MONOTONIC_USEC=[0-9]+$/);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
  await manager.waitForLine(/^STOPPING=1$/);
  const texts = manager.received();
  assert.equal(texts.filter((text) => text.startsWith('READY=1')).length, 2, 'at the start and after the reload');
});

test('a manager that is not there costs nothing', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place, { env: { NOTIFY_SOCKET: join(place.directory, 'nobody') } });
  await launcher.waitForLine(READY_LINE);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
});

test('systemd-analyze verify accepts the unit, and the two of --split', async (t) => {
  if (!peersPresent(t, 'systemd')) return;
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const single = await print(scope, place);
  for (const line of [
    'Type=notify',
    'NotifyAccess=main',
    'KillMode=mixed',
    'WatchdogSec=30',
    'TimeoutStopSec=15',
    'RestartPreventExitStatus=64 78',
    'AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_SYS_NICE',
    `ExecStart=${process.execPath} ${binary('ims-launch')} start --config ${place.configPath}`,
  ]) {
    assert.ok(single.split('\n').includes(line), line);
  }
  await verifyUnits(scope, place, { 'ims-launch.service': single });

  await configure(place, { relay: { plane: 'kernel' } });
  const kernel = await print(scope, place);
  for (const name of ['AmbientCapabilities', 'CapabilityBoundingSet']) {
    const capabilities = 'CAP_NET_BIND_SERVICE CAP_SYS_NICE CAP_BPF CAP_NET_ADMIN';
    assert.ok(kernel.split('\n').includes(`${name}=${capabilities}`), name);
  }
  assert.match(kernel, /^SystemCallFilter=@system-service bpf$/m);
  await verifyUnits(scope, place, { 'ims-launch.service': kernel });

  const both = await print(scope, place, '--split', '--user', 'daemon');
  const [, relay = '', launch = ''] = both.split(/^# \/etc\/systemd\/system\/.*\n/m);
  assert.match(
    relay,
    new RegExp(`^ExecStart=.*ims-relay\\.js -f -F -l 127\\.0\\.0\\.1 -s udp:127\\.0\\.0\\.1:${place.relayPort} `, 'm'),
  );
  assert.match(launch, /^After=.*ims-relay\.service$/m);
  assert.match(launch, /^Environment=RTPPROXY_AUTO_START=0$/m);
  await verifyUnits(scope, place, { 'ims-relay.service': relay, 'ims-launch.service': launch });
});

async function print(scope: Scope, place: LaunchPlace, ...args: string[]): Promise<string> {
  const command = [process.execPath, binary('ims-launch'), 'systemd', '--config', place.configPath, ...args] as const;
  const { code, output } = await runProgram(scope, { command, cwd: place.directory });
  assert.equal(code, 0, output);
  return `${output}\n`;
}

async function verifyUnits(scope: Scope, place: LaunchPlace, units: Readonly<Record<string, string>>): Promise<void> {
  const directory = await mkdtemp(join(place.directory, 'units-'));
  const paths: string[] = [];
  for (const [name, text] of Object.entries(units)) {
    paths.push(join(directory, name));
    await writeFile(join(directory, name), text);
  }
  // The directory is searched first, so that the units find one another; the colon keeps the system's.
  const { code, output } = await runProgram(scope, {
    command: ['systemd-analyze', 'verify', '--man=no', ...paths],
    env: { SYSTEMD_UNIT_PATH: `${directory}:` },
  });
  assert.equal(code, 0, output);
  assert.equal(output.trim(), '', 'not a word of complaint');
}
