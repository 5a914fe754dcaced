/** The end of the system: who is told what, in which order, and what becomes of those who do not listen. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  choosePlace,
  configure,
  eventLine,
  fieldOf,
  fixture,
  type LaunchPlace,
  portsHeld,
  startLauncher,
} from '../support/launcher.ts';
import { peersPresent } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

type Keys = Record<string, unknown>;

interface Entry {
  readonly name: string;
  readonly pid: number;
  readonly signal: string;
}

function diaryPath(place: LaunchPlace): string {
  return join(place.directory, 'diary');
}

/** The signals that fixtures with `--diary` got, in the order in which they got them. */
function diary(place: LaunchPlace): Entry[] {
  const path = diaryPath(place);
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
  return lines.map((line) => {
    const [name = '', pid, signal = ''] = line.split(' ');
    return { name, pid: Number(pid), signal };
  });
}

/** A stopped process would not act on TERM, so CONT follows each: that one is no second request. */
function requests(place: LaunchPlace): Entry[] {
  return diary(place).filter(({ signal }) => signal !== 'SIGCONT');
}

function ims(place: LaunchPlace, ...flags: (string | number)[]): Keys {
  return { command: fixture('sip-stub', '--port', place.sipPort, '--diary', diaryPath(place), ...flags) };
}

function relay(place: LaunchPlace, ...flags: (string | number)[]): Keys {
  return { command: fixture('rtpproxy-stub', '--port', place.relayPort, '--diary', diaryPath(place), ...flags) };
}

interface Running {
  readonly place: LaunchPlace;
  readonly launcher: Program;
}

async function start(
  t: Parameters<typeof openScope>[0],
  keysOf: (place: LaunchPlace) => Keys,
  { env = {}, children = [] }: { env?: Record<string, string>; children?: string[] } = {},
): Promise<Running> {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, keysOf(place));
  const launcher = startLauncher(scope, place, { env });
  await launcher.waitForLine(READY_LINE);
  for (const name of children) {
    await launcher.waitForLine(new RegExp(`${name} is here`));
  }
  return { place, launcher };
}

/** Root without CAP_KILL cannot signal the processes of other users. */
const WITHOUT_KILL = ['setpriv', '--bounding-set', '-kill', '--inh-caps', '-kill'] as const;

/** At the very moment of its end: a launcher that ends before its children leaves them to chance. */
function nothingIsLeft({ launcher, place }: Running): void {
  const left = launcher.processes().filter(({ command }) => !/ims-launch-guardian/.test(command));
  assert.deepEqual(left, []);
  assert.deepEqual(portsHeld(place), []);
}

test('fault 36: TERM: the IMS is told and ends before the relay is told; 0, and both groups are gone', async (t) => {
  const system = await start(t, (place) => ({ ims: ims(place, '--stop-after', 200), relay: relay(place) }));
  const askedAt = performance.now();
  system.launcher.signal('SIGTERM');
  assert.equal((await system.launcher.waitForExit()).code, 0);
  assert.ok(performance.now() - askedAt < 6000, 'polite children are not waited for longer than they need');
  nothingIsLeft(system);
  assert.deepEqual(
    requests(system.place).map(({ name, signal }) => `${name} ${signal}`),
    ['ims SIGTERM', 'relay SIGTERM'],
  );
  const { output } = system.launcher;
  const imsEndedAt = output.search(eventLine('comp.exit', 'ims'));
  const relayToldAt = output.search(eventLine('stop.signal', 'relay'));
  assert.ok(imsEndedAt !== -1 && imsEndedAt < relayToldAt, output);
});

test('fault 37: an IMS that ignores TERM is killed at the end of its slice; the relay has a slice of its own; 0', async (t) => {
  const system = await start(t, (place) => ({
    ims: ims(place, '--ignore-term'),
    relay: relay(place, '--stop-after', 500),
  }));
  const askedAt = performance.now();
  system.launcher.signal('SIGTERM');
  assert.equal((await system.launcher.waitForExit(30_000)).code, 0);
  assert.ok(performance.now() - askedAt < 9500, 'the whole teardown keeps its budget');
  nothingIsLeft(system);
  assert.match(system.launcher.output, /"comp.exit","service":"ims".*"signal":"SIGKILL"/);
  // It took its 500 ms although the IMS had used up all of its own time.
  assert.match(system.launcher.output, /"comp.exit","service":"relay".*"exitCode":0/);
  assert.doesNotMatch(system.launcher.output, eventLine('stop.kill', 'relay'));
});

test('fault 38: both ignore TERM: both are killed within the whole budget; 0', async (t) => {
  const system = await start(t, (place) => ({
    ims: ims(place, '--ignore-term'),
    relay: relay(place, '--ignore-term'),
  }));
  const askedAt = performance.now();
  system.launcher.signal('SIGTERM');
  assert.equal((await system.launcher.waitForExit(30_000)).code, 0);
  const tookMs = performance.now() - askedAt;
  assert.ok(tookMs < 9500, `the teardown took ${Math.round(tookMs)} ms`);
  nothingIsLeft(system);
  for (const service of ['ims', 'relay'] as const) {
    assert.match(system.launcher.output, eventLine('stop.kill', service));
  }
});

test('fault 39: the leader ends at TERM, a process of its group does not: it is gone before we are', async (t) => {
  const keysOf = (place: LaunchPlace): Keys => ({
    ims: ims(place, '--grandchild'),
    supervisor: { stopBudgetMs: 2000 },
  });
  const system = await start(t, keysOf, { children: ['grandchild'] });
  system.launcher.signal('SIGTERM');
  assert.equal((await system.launcher.waitForExit()).code, 0);
  nothingIsLeft(system);
  assert.match(system.launcher.output, /"comp.exit","service":"ims".*"exitCode":0/);
  assert.match(system.launcher.output, eventLine('stop.kill', 'ims'));
  assert.equal(
    requests(system.place).filter(({ name }) => name === 'grandchild').length,
    1,
    'it was asked first, once',
  );
});

test('fault 41: the end of a leader is told at once although another process keeps its output open', async (t) => {
  const system = await start(t, (place) => ({ ims: ims(place, '--escapee') }), { children: ['escapee'] });
  const { launcher } = system;
  const pid = Number(fieldOf(await launcher.waitForLine(eventLine('comp.ready', 'ims')), 'childPid'));
  const killedAt = performance.now();
  process.kill(pid, 'SIGKILL');
  await launcher.waitForLine(eventLine('comp.exit', 'ims'));
  const tookMs = performance.now() - killedAt;
  assert.ok(tookMs < 1000, `told after ${Math.round(tookMs)} ms`);
  // The other one holds the pipe still, and holds up neither the restart nor the stop.
  await launcher.waitForLine(new RegExp(`"comp.ready","service":"ims","childPid":(?!${pid}\\b)`));
  assert.equal(launcher.processes().filter(({ command }) => /--name escapee/.test(command)).length, 2);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
  nothingIsLeft(system);
});

test('fault 43: on an ordinary stop every process gets one TERM, and no other signal that means something', async (t) => {
  const keysOf = (place: LaunchPlace): Keys => ({ ims: ims(place, '--grandchild', '--polite'), relay: relay(place) });
  const system = await start(t, keysOf, { children: ['grandchild'] });
  system.launcher.signal('SIGTERM');
  assert.equal((await system.launcher.waitForExit()).code, 0);
  nothingIsLeft(system);
  const got = requests(system.place);
  assert.deepEqual(
    got.map(({ name, signal }) => `${name} ${signal}`),
    ['ims SIGTERM', 'grandchild SIGTERM', 'relay SIGTERM'],
  );
  assert.equal(new Set(got.map(({ pid }) => pid)).size, 3);
  assert.doesNotMatch(system.launcher.output, eventLine('stop.kill'));
});

test('fault 44: two SIGINTs 50 ms apart are one: the stop goes on in order', async (t) => {
  const system = await start(t, (place) => ({ ims: ims(place, '--stop-after', 1000), relay: relay(place) }));
  system.launcher.signal('SIGINT');
  // Not a wait for something: the distance itself is what is tested.
  await delay(50);
  system.launcher.signal('SIGINT');
  assert.deepEqual(await system.launcher.waitForExit(), { code: null, signal: 'SIGINT' });
  nothingIsLeft(system);
  assert.match(system.launcher.output, eventLine('stop.done'));
  assert.doesNotMatch(system.launcher.output, eventLine('stop.kill'));
  assert.match(system.launcher.output, /"comp.exit","service":"ims".*"exitCode":0/);
});

test('fault 45: a second SIGINT a second later kills everything that is stuck at once; 130', async (t) => {
  const keysOf = (place: LaunchPlace): Keys => ({
    ims: ims(place, '--ignore-term', '--grandchild', '--escapee'),
    relay: relay(place, '--ignore-term'),
  });
  const system = await start(t, keysOf, { children: ['grandchild', 'escapee'] });
  system.launcher.signal('SIGINT');
  await system.launcher.waitForLine(/ignoring SIGTERM/);
  await delay(1000);
  const forcedAt = performance.now();
  system.launcher.signal('SIGINT');
  // Dying of SIGINT is what a shell shows as 130.
  assert.deepEqual(await system.launcher.waitForExit(), { code: null, signal: 'SIGINT' });
  const tookMs = performance.now() - forcedAt;
  await waitFor('nobody left', () => system.launcher.processes().length === 0);
  assert.ok(tookMs < 1000, `everything was killed after ${Math.round(tookMs)} ms`);
  assert.deepEqual(portsHeld(system.place), []);
});

test('fault 53: a relay that was found running gets no signal at all, from the start to the end', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { ims: ims(place) });
  const { command } = relay(place) as { command: [string, ...string[]] };
  const found = Program.start(scope, { name: 'rtpproxy-stub', command });
  await found.waitForLine(/ready/);
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(eventLine('relay.adopted'));
  await launcher.waitForLine(READY_LINE);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
  assert.match(launcher.output, eventLine('relay.left'));
  assert.deepEqual(
    diary(place).filter(({ name }) => name === 'relay'),
    [],
  );
  assert.ok(found.running);
});

test('fault 54: the relay crashes while the IMS is being stopped: it is not started again; 0', async (t) => {
  const system = await start(t, (place) => ({ ims: ims(place, '--stop-after', 1000), relay: relay(place) }));
  const { launcher } = system;
  const relayPid = Number(fieldOf(await launcher.waitForLine(eventLine('relay.spawn')), 'childPid'));
  launcher.signal('SIGTERM');
  await launcher.waitForLine(eventLine('stop.signal', 'ims'));
  process.kill(relayPid, 'SIGKILL');
  await launcher.waitForLine(eventLine('comp.exit', 'relay'));
  assert.equal((await launcher.waitForExit()).code, 0);
  nothingIsLeft(system);
  assert.match(launcher.output, /"comp.exit","service":"ims".*"exitCode":0/, 'the IMS had its time');
  assert.equal(launcher.output.match(/"event":"relay.spawn"/g)?.length, 1);
});

for (const [kind, statement] of [
  ['exception', "setImmediate(() => { throw new Error('injected by the test'); })"],
  ['rejection', "void Promise.reject(new Error('injected by the test'))"],
] as const) {
  test(`fault 56: an uncaught ${kind} of our own: the groups are killed first, then 70 and the stack`, async (t) => {
    // Loaded into every Node below this environment, and of effect in the launcher alone.
    const hook = `if (process.argv[1]?.endsWith('ims-launch.js')) process.once('SIGPWR', () => { ${statement}; });`;
    const system = await start(
      t,
      (place) => ({ ims: ims(place, '--ignore-term', '--grandchild'), relay: relay(place, '--ignore-term') }),
      { env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` }, children: ['grandchild'] },
    );
    system.launcher.signal('SIGPWR');
    assert.equal((await system.launcher.waitForExit()).code, 70);
    nothingIsLeft(system);
    const line = await system.launcher.waitForLine(eventLine('launch.crash'));
    const { stack } = fieldOf(line, 'err') as { stack: string };
    assert.match(stack, /injected by the test\n +at /);
    assert.match(system.launcher.output, /ims-launch: Error: injected by the test/);
    assert.deepEqual(requests(system.place), [], 'nobody was asked: they were killed');
  });
}

/**
 * Root without the right to signal others, above a program of another user: what no signal of ours can reach, as a
 * process in uninterruptible sleep. The program is handed over as text: that user may not be able to read it here.
 */
for (const { strict, status } of [
  { strict: false, status: 0 },
  { strict: true, status: 71 },
]) {
  test(`fault 57: what cannot be killed is named by its process id, and the end comes all the same: ${status}`, async (t) => {
    if (!peersPresent(t, 'setpriv')) return;
    const scope = openScope(t);
    const place = await choosePlace(scope);
    const [node, script] = fixture('sip-stub');
    const source = readFileSync(script ?? '', 'utf8').replace(/^import .*diary.*$/m, 'const keepDiary = undefined;');
    const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
    await configure(place, {
      ims: {
        command: [...asNobody, node, '--input-type=module', '-e', source, '--', '--port', String(place.sipPort)],
        cwd: '/',
      },
      supervisor: { stopBudgetMs: 2000, strictStop: strict },
    });
    const launcher = Program.start(scope, {
      name: 'ims-launch',
      command: [...WITHOUT_KILL, node, binary('ims-launch'), '--config', place.configPath],
      cwd: place.directory,
      env: { XDG_RUNTIME_DIR: place.directory },
    });
    const pid = Number(fieldOf(await launcher.waitForLine(eventLine('ims.spawn')), 'childPid'));
    // The launcher leaves it behind, as it must: the test has the right that the launcher lacks.
    scope.defer(() => void process.kill(-pid, 'SIGKILL'));
    await launcher.waitForLine(READY_LINE, 30_000);
    const askedAt = performance.now();
    launcher.signal('SIGTERM');
    assert.equal((await launcher.waitForExit(30_000)).code, status, launcher.output);
    const tookMs = performance.now() - askedAt;
    assert.ok(tookMs < 3500, `the wall clock of 2.5 s was kept: ${Math.round(tookMs)} ms`);
    const line = await launcher.waitForLine(eventLine('stop.stuck', 'ims'));
    assert.deepEqual([fieldOf(line, 'childPid'), fieldOf(line, 'level')], [pid, 50]);
    assert.match(launcher.output, /"comp.exit","service":"relay".*"exitCode":0/, 'the relay stopped in order');
    process.kill(pid, 0);
  });
}

test('fault 58: workers of a forking server are left to their parent: none dies before it', async (t) => {
  const children = [1, 2, 3, 4].map((number) => `worker-${number}`);
  const system = await start(t, (place) => ({ ims: ims(place, '--workers', 4) }), { children });
  system.launcher.signal('SIGTERM');
  assert.equal((await system.launcher.waitForExit()).code, 0);
  nothingIsLeft(system);
  assert.doesNotMatch(system.launcher.output, /child died first/);
  assert.match(system.launcher.output, /"comp.exit","service":"ims".*"exitCode":0/);
  const told = requests(system.place).map(({ name, signal }) => `${name} ${signal}`);
  assert.equal(told[0], 'ims SIGTERM');
  assert.deepEqual(
    told.slice(1).sort(),
    children.map((name) => `${name} SIGTERM`),
  );
});

test('fault 59: an rtpproxy that ends with 143 at a second TERM, which was not ours, has ended as it was asked to', async (t) => {
  const system = await start(t, (place) => ({ ims: ims(place), relay: relay(place, '--stop-after', 60_000) }));
  const { launcher, place } = system;
  const relayPid = Number(fieldOf(await launcher.waitForLine(eventLine('relay.spawn')), 'childPid'));
  launcher.signal('SIGTERM');
  await waitFor('our TERM at the relay', () => requests(place).some(({ name }) => name === 'relay'));
  process.kill(relayPid, 'SIGTERM');
  const line = await launcher.waitForLine(eventLine('comp.exit', 'relay'));
  assert.deepEqual([fieldOf(line, 'exitCode'), fieldOf(line, 'level')], [143, 30]);
  assert.equal((await launcher.waitForExit()).code, 0);
  nothingIsLeft(system);
  assert.doesNotMatch(launcher.output, eventLine('stop.kill'));
});
