/** What the configuration decides about services that fail, with the program as it ships. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  choosePlace,
  configure,
  eventLine,
  fieldOf,
  fixture,
  type LaunchPlace,
  startLauncher,
} from '../support/launcher.ts';
import { runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { activeSessions, askRelay } from '../support/rtpp.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

function stub(place: LaunchPlace, ...args: readonly string[]): string[] {
  return fixture('sip-stub', '--port', place.sipPort, ...args);
}

/** An IMS that ends with 3 until the file `mended` lies in the test's directory. */
function brokenIms(place: LaunchPlace): string[] {
  return ['sh', '-c', `test -e ${join(place.directory, 'mended')} || exit 3; exec ${stub(place).join(' ')}`];
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

test('stopCommand: it stops the IMS in place of the signal, and knows its process', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const stopCommand = ['sh', '-c', 'echo "asking $MAINPID to go"; kill -USR2 "$MAINPID"'];
  const ims = { command: stub(place, '--ignore-term'), stopCommand };
  await configure(place, { ims });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  const pid = fieldOf(await launcher.waitForLine(eventLine('comp.ready', 'ims')), 'childPid');
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
  assert.match(launcher.output, new RegExp(`asking ${pid} to go`));
  assert.match(launcher.output, /"event":"comp.exit".*"signal":"SIGUSR2"/);
  assert.doesNotMatch(launcher.output, eventLine('stop.kill', 'ims'));
});

test('stopCommand that fails: the signal follows', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { ims: { command: stub(place), stopCommand: ['false'] } });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
  assert.match(launcher.output, /"event":"helper.end".*"key":"stopCommand".*"reason":"ended with status 1"/);
  assert.match(launcher.output, /"event":"comp.exit".*"signal":"SIGTERM"/);
});

test('--strict-stop: a stop that took a KILL ends with 71', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { ims: { command: stub(place, '--ignore-term') }, supervisor: { stopBudgetMs: 2000 } });
  const launcher = startLauncher(scope, place, { args: ['--strict-stop'] });
  await launcher.waitForLine(READY_LINE);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 71);
  assert.match(launcher.output, /ims-launch: everything has stopped, but not everybody when asked/);
});

test('purgeRelayOnImsExit and onRelayRestart: no session outlives its IMS, and the IMS hears of another relay', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const ims = { command: stub(place), onRelayRestart: ['sh', '-c', 'echo "another relay for $MAINPID"'] };
  await configure(place, { ims, supervisor: { purgeRelayOnImsExit: true, mediaCheckIntervalMs: 0 } });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  const relayPid = fieldOf(await launcher.waitForLine(eventLine('comp.ready', 'relay')), 'childPid');
  const first = fieldOf(await launcher.waitForLine(eventLine('comp.ready', 'ims')), 'childPid');
  assert.match(await askRelay(place.relayPort, 'U call-1 127.0.0.1 4000 tag-1'), /^\d+/);
  assert.equal(await activeSessions(place.relayPort), 1);
  process.kill(Number(first), 'SIGKILL');
  const again = await launcher.waitForLine(new RegExp(`"event":"ims.spawn"(?!.*"childPid":${first}\\b)`));
  await waitFor('an empty relay', async () => (await activeSessions(place.relayPort)) === 0);
  await launcher.waitForLine(new RegExp(`${eventLine('comp.ready', 'ims').source}(?!.*"childPid":${first}\\b)`));
  assert.doesNotMatch(launcher.output, /another relay/);
  process.kill(Number(relayPid), 'SIGKILL');
  await launcher.waitForLine(new RegExp(`another relay for ${fieldOf(again, 'childPid')}`), 20_000);
  await launcher.waitForLine(/"event":"helper.end".*"key":"onRelayRestart"/);
});

test('SIGQUIT: the state, both services and the last events are in the log, then everything stops: 131', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(READY_LINE);
  const pid = fieldOf(await launcher.waitForLine(eventLine('comp.ready', 'ims')), 'childPid');
  launcher.signal('SIGQUIT');
  assert.equal((await launcher.waitForExit()).code, 131);
  const lines = launcher.output.split('\n').filter((line) => line.includes('"event":"launch.diagnostic"'));
  const reasons = lines.map((line) => String(fieldOf(line, 'reason')));
  assert.equal(reasons[0], 'running, ready');
  assert.ok(Number(fieldOf(lines[0] ?? '{}', 'loopLoad')) < 1);
  assert.ok(lines.some((line) => fieldOf(line, 'service') === 'ims' && fieldOf(line, 'childPid') === pid));
  assert.ok(
    reasons.some((reason) => /T.*Z comp.ready: service is ready/.test(reason)),
    reasons.join('\n'),
  );
  assert.ok(launcher.output.indexOf('launch.diagnostic') < launcher.output.indexOf('stop.begin'));
});
