/** What the configuration decides about services that fail, with the program as it ships. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { choosePlace, configure, eventLine, fixture, type LaunchPlace, startLauncher } from '../support/launcher.ts';
import { runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';

/** An IMS that ends with 3 until the file `mended` lies in the test's directory. */
function brokenIms(place: LaunchPlace): string[] {
  const stub = fixture('sip-stub', '--port', place.sipPort).join(' ');
  return ['sh', '-c', `test -e ${join(place.directory, 'mended')} || exit 3; exec ${stub}`];
}

function command(scope: Scope, place: LaunchPlace, ...words: string[]) {
  const argv = [process.execPath, binary('ims-launch'), ...words, '--config', place.configPath] as const;
  return runProgram(scope, { name: words[0] ?? '', command: [...argv], env: { XDG_RUNTIME_DIR: place.directory } });
}

test('giveUp park: status 1 and the relay serves; once mended, "restart ims" brings the IMS back', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const supervisor = { giveUp: 'park', restartDelaysMs: [0, 10] };
  await configure(place, { ims: { command: brokenIms(place) }, supervisor });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(eventLine('comp.gaveup', 'ims'));
  const status = await command(scope, place, 'status');
  assert.equal(status.code, 1, status.output);
  assert.match(status.output, /ims +failed .*did not become ready in 3 tries.*"ims-launch restart ims" tries again/);
  assert.match(status.output, /relay +ready/);
  const waiting = await command(scope, place, 'wait', '--for', 'ready', '--timeout', '20');
  assert.equal(waiting.code, 1, waiting.output);
  await writeFile(join(place.directory, 'mended'), '');
  assert.equal((await command(scope, place, 'restart', 'ims')).code, 0);
  await launcher.waitForLine(READY_LINE);
  assert.equal((await command(scope, place, 'status')).code, 0);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
});

test('giveUp never: it is tried past every budget, and runs once it can', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const supervisor = { giveUp: 'never', restartDelaysMs: [0, 10], bootAttempts: 1 };
  await configure(place, { ims: { command: brokenIms(place) }, supervisor });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(/"event":"comp.backoff".*did not become ready in 4 tries/);
  await writeFile(join(place.directory, 'mended'), '');
  await launcher.waitForLine(READY_LINE);
  assert.doesNotMatch(launcher.output, eventLine('comp.gaveup'));
});

test('restart on-failure: an IMS that ends with a status that it calls success ends the run with 0', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { ims: { command: brokenIms(place), restart: 'on-failure', successExitCodes: [3] } });
  const launcher = startLauncher(scope, place);
  assert.equal((await launcher.waitForExit()).code, 0);
  assert.equal(launcher.output.match(/"event":"ims.spawn"/g)?.length, 1);
});
