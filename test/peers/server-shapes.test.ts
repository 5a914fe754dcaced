/** Servers of other people under ims-launch, unmodified: what they make of being started, stopped and restarted. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { kamailioCommand } from '../support/kamailio.ts';
import {
  choosePlace,
  configure,
  eventLine,
  fieldOf,
  type LaunchPlace,
  portsHeld,
  startLauncher,
} from '../support/launcher.ts';
import { peersPresent } from '../support/peers.ts';
import { type Program, runProgram } from '../support/program.ts';
import { binary, projectRoot } from '../support/project.ts';
import { openScope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

/** What Kamailio's main process prints when a worker ends before it. */
const WORKER_DIED = /child process .* exited|terminating due to SIGCHLD|signal 17|dead child/i;

async function start(
  t: Parameters<typeof openScope>[0],
  command: string[] | ((place: LaunchPlace) => Promise<string[]>),
) {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { ims: { command: typeof command === 'function' ? await command(place) : command } });
  const launcher = startLauncher(scope, place);
  return { scope, place, launcher };
}

/** The command that runs Kamailio with two workers a socket, in the foreground unless `flags` say otherwise. */
function kamailio(...flags: string[]): (place: LaunchPlace) => Promise<string[]> {
  return (place) => kamailioCommand({ ...place, calleePort: place.maxPort }, flags);
}

function python(...flags: string[]): (place: LaunchPlace) => Promise<string[]> {
  const script = join(projectRoot, 'test', 'peers', 'stubborn.py');
  return async (place) => ['python3', script, String(place.sipPort), ...flags];
}

async function pidOfIms(launcher: Program): Promise<number> {
  return Number(fieldOf(await launcher.waitForLine(eventLine('comp.ready', 'ims'), 30_000), 'childPid'));
}

function imsEndsBeforeRelayIsTold(launcher: Program): void {
  const imsEnded = launcher.output.search(eventLine('comp.exit', 'ims'));
  const relayTold = launcher.output.search(eventLine('stop.signal', 'relay'));
  assert.ok(imsEnded !== -1 && imsEnded < relayTold, launcher.output);
}

test('Kamailio -DD -E: its main process ends its workers, before the relay is told, and nothing is killed', async (t) => {
  if (!peersPresent(t, 'kamailio')) return;
  const { launcher, place } = await start(t, kamailio('-DD', '-E'));
  await launcher.waitForLine(READY_LINE, 30_000);
  const workers = launcher.processes().filter(({ command }) => command.startsWith('kamailio'));
  assert.ok(workers.length > 3, `a main process and its workers: ${workers.length}`);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit(30_000)).code, 0);
  assert.deepEqual(launcher.processes(), []);
  assert.deepEqual(portsHeld(place), []);
  imsEndsBeforeRelayIsTold(launcher);
  assert.match(launcher.output, /"comp.exit","service":"ims".*"exitCode":0/);
  assert.doesNotMatch(launcher.output, eventLine('stop.kill'));
  assert.doesNotMatch(launcher.output, WORKER_DIED);
});

test('Kamailio is restarted: when asked to, and when one of its workers is killed', async (t) => {
  if (!peersPresent(t, 'kamailio')) return;
  const { scope, place, launcher } = await start(t, kamailio('-DD', '-E'));
  await launcher.waitForLine(READY_LINE, 30_000);
  const first = await pidOfIms(launcher);
  const worker = launcher.processes().find(({ pid, command }) => command.startsWith('kamailio') && pid !== first);
  assert.ok(worker !== undefined);
  process.kill(worker.pid, 'SIGKILL');
  // Here its complaint is in place: the worker did die first.
  await launcher.waitForLine(WORKER_DIED, 30_000);
  await launcher.waitForLine(eventLine('comp.exit', 'ims'), 30_000);
  const again = new RegExp(`"comp.ready","service":"ims","childPid":(?!${first}\\b)`);
  const second = Number(fieldOf(await launcher.waitForLine(again, 30_000), 'childPid'));
  const generation = launcher.processes().filter(({ command }) => command.startsWith('kamailio'));
  assert.ok(generation.some(({ pid }) => pid === second));
  assert.ok(!generation.some(({ pid }) => pid === first), 'no two of them at once');
  const asked = await runProgram(scope, {
    name: 'restart',
    command: [process.execPath, binary('ims-launch'), 'restart', 'ims', '--config', place.configPath],
    env: { XDG_RUNTIME_DIR: place.directory },
  });
  assert.equal(asked.code, 0, asked.output);
  assert.equal(launcher.output.match(/"event":"comp.ready","service":"ims"/g)?.length, 3);
  assert.doesNotMatch(launcher.output, eventLine('stop.kill'));
  assert.doesNotMatch(launcher.output, eventLine('comp.exit', 'relay'));
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit(30_000)).code, 0);
});

test('Kamailio without -DD goes into the background: it is named, found and killed; 78', async (t) => {
  if (!peersPresent(t, 'kamailio')) return;
  const { launcher, place } = await start(t, kamailio('-E'));
  assert.equal((await launcher.waitForExit(60_000)).code, 78, launcher.output);
  assert.match(launcher.output, /the IMS went into the background/);
  assert.match(launcher.output, /kamailio -DD -E/);
  await waitFor('nobody left', () => launcher.processes().length === 0);
  assert.deepEqual(portsHeld(place), []);
});

test('a Python server that ignores SIGTERM: its lines come at once, and it is killed in its slice; 0', async (t) => {
  if (!peersPresent(t, 'python3')) return;
  const { launcher, place } = await start(t, python());
  await launcher.waitForLine(READY_LINE, 30_000);
  await launcher.waitForLine(new RegExp(`python serves [0-9]+ relay ${place.relayPort}`));
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit(30_000)).code, 0);
  assert.match(launcher.output, eventLine('stop.kill', 'ims'));
  assert.match(launcher.output, /"comp.exit","service":"ims".*"signal":"SIGKILL"/);
  imsEndsBeforeRelayIsTold(launcher);
  assert.deepEqual(portsHeld(place), []);
});

test('a Python server that forks workers: the parent alone is told, and takes down its own', async (t) => {
  if (!peersPresent(t, 'python3')) return;
  const { launcher, place } = await start(t, python('fork'));
  await launcher.waitForLine(READY_LINE, 30_000);
  assert.equal(launcher.processes().filter(({ command }) => command.includes('stubborn.py')).length, 3);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit(30_000)).code, 0);
  assert.match(launcher.output, /python parent ended its workers/);
  assert.doesNotMatch(launcher.output, eventLine('stop.kill'));
  assert.deepEqual(launcher.processes(), []);
  assert.deepEqual(portsHeld(place), []);
});
