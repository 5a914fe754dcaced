/** What may not bring the system down, and what may not outlive it. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { choosePlace, configure, eventLine, fieldOf, portsHeld, startLauncher } from '../support/launcher.ts';
import { binary } from '../support/project.ts';
import { openScope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';

/** How long a child is let load before its supervisor goes, milliseconds; it is up after some 300. */
const MOMENTS = [0, 60, 120, 180, 240];

for (const name of ['ims-relay', 'ims-server'] as const) {
  test(`${name} ends when its supervisor goes while it starts, at whatever moment`, async (t) => {
    const scope = openScope(t);
    const place = await choosePlace(scope);
    for (const moment of MOMENTS) {
      const args =
        name === 'ims-relay'
          ? [
              '-F',
              '-l',
              '127.0.0.1',
              '-s',
              `udp:127.0.0.1:${place.relayPort}`,
              '-m',
              `${place.minPort}`,
              '-M',
              `${place.maxPort}`,
            ]
          : ['--from-supervisor'];
      const child = fork(binary(name), args, { stdio: 'ignore' });
      scope.defer(() => void child.kill('SIGKILL'));
      const exited = once(child, 'exit', { signal: AbortSignal.timeout(10_000) });
      // Not a wait for something: the moment itself is what is tested.
      await delay(moment);
      child.disconnect();
      await exited;
      assert.deepEqual(portsHeld(place), []);
    }
  });
}

test('a configuration file that was broken since the start does not stop the restart of the IMS', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  await writeFile(place.configPath, '{"SERVER_PORT":506');
  await launcher.waitForLine(eventLine('reload.rejected'));
  const first = fieldOf(await launcher.waitForLine(eventLine('comp.ready', 'ims')), 'childPid');
  process.kill(Number(first), 'SIGKILL');
  const again = await launcher.waitForLine(
    new RegExp(`${eventLine('comp.ready', 'ims').source}(?!.*"childPid":${first}\\b)`),
  );
  assert.notEqual(fieldOf(again, 'childPid'), first);
  assert.ok(portsHeld(place).includes(place.sipPort), 'SIP is back on the port of the start');
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
});

test('an IMS that prints without end delays neither the stop nor the rest', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { ims: { command: ['yes'] } });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(/lines left out/);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
  assert.deepEqual(portsHeld(place), []);
});

test('the SIP port is checked in both families before anything is started', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const holder = createSocket({ type: 'udp6', ipv6Only: true });
  scope.defer(() => void holder.close());
  holder.bind(place.sipPort, '::');
  await once(holder, 'listening');
  const launcher = startLauncher(scope, place);
  assert.equal((await launcher.waitForExit()).code, 69);
  assert.match(launcher.output, new RegExp(`SIP port ${place.sipPort} .*process ${process.pid}`));
  assert.doesNotMatch(launcher.output, eventLine('relay.spawn'));
});
