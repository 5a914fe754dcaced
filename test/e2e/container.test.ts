/** The three entrypoints as PID 1 of a pid namespace: tini, the shell script, and Node itself. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { pid1Of, startAsPid1 } from '../support/container.ts';
import {
  choosePlace,
  configure,
  eventLine,
  fieldOf,
  fixture,
  type LaunchPlace,
  portsHeld,
} from '../support/launcher.ts';
import { peersPresent } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { binary, projectRoot } from '../support/project.ts';
import { openScope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

const ENTRYPOINT = join(projectRoot, 'scripts', 'docker-entrypoint.sh');

/** An IMS that leaves an orphan behind, which ends at once. */
function orphanMaker(place: LaunchPlace): Record<string, unknown> {
  return { ims: { command: fixture('sip-stub', '--port', place.sipPort, '--orphan') } };
}

function zombiesBelow(parent: number): number {
  return readdirSync('/proc').filter((entry) => {
    if (!/^[0-9]+$/.test(entry)) {
      return false;
    }
    try {
      const status = readFileSync(`/proc/${entry}/status`, 'utf8');
      return /^State:\s+Z/m.test(status) && status.includes(`\nPPid:\t${parent}\n`);
    } catch {
      return false;
    }
  }).length;
}

async function orphanEnded(system: Program): Promise<void> {
  await waitFor('the orphan’s end', () => !system.processes().some(({ command }) => command.startsWith('sleep')));
}

test('faults 60, 61: Node as PID 1: the fix is named, zombies are counted and told once, TERM is graceful: 0', async (t) => {
  if (!peersPresent(t, 'pid namespaces')) return;
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, orphanMaker(place));
  const command = [process.execPath, binary('ims-launch'), '--config', place.configPath] as const;
  const system = startAsPid1(scope, { command, cwd: place.directory });
  await system.waitForLine(READY_LINE);
  assert.match(String(fieldOf(await system.waitForLine(eventLine('pid1')), 'reason')), /tini/);
  const pid1 = pid1Of(system);
  await waitFor('a zombie', () => zombiesBelow(pid1) === 1);
  process.kill(pid1, 'SIGUSR1');
  assert.equal(fieldOf(await system.waitForLine(eventLine('pid1.zombies')), 'count'), 1);
  const stoppedAt = performance.now();
  process.kill(pid1, 'SIGTERM');
  assert.equal((await system.waitForExit()).code, 0);
  assert.ok(performance.now() - stoppedAt < 2500, 'a zombie does not delay the stop');
  assert.doesNotMatch(system.output, eventLine('stop.kill'));
  assert.equal(system.output.match(/"event":"pid1.zombies"/g)?.length, 1);
  assert.deepEqual(portsHeld(place), []);
});

test('fault 62: the entrypoint script as PID 1 passes the status on', async (t) => {
  if (!peersPresent(t, 'pid namespaces')) return;
  const scope = openScope(t);
  for (const status of [0, 1, 78, 127, 130, 143]) {
    const program = startAsPid1(scope, { command: [ENTRYPOINT, '/bin/sh', '-c', `exit ${status}`] });
    assert.equal((await program.waitForExit()).code, status);
  }
});

test('fault 62: the entrypoint script passes each signal on once, and its program decides about the status', async (t) => {
  if (!peersPresent(t, 'pid namespaces')) return;
  const scope = openScope(t);
  const counter = `
    const counts = {};
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']) {
      process.on(name, () => { counts[name] = (counts[name] ?? 0) + 1; console.log(name); });
    }
    process.stdin.on('data', () => { console.log('counts', JSON.stringify(counts)); process.exit(7); });
    console.log('up');`;
  const program = startAsPid1(scope, { command: [ENTRYPOINT, process.execPath, '-e', counter] });
  await program.waitForLine(/^up$/);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) {
    process.kill(pid1Of(program), signal);
    await program.waitForLine(new RegExp(`^${signal}$`));
  }
  program.write('end\n');
  assert.equal((await program.waitForExit()).code, 7);
  assert.match(program.output, /^counts {"SIGTERM":1,"SIGINT":1,"SIGHUP":1,"SIGQUIT":1}$/m);
});

for (const shell of ['dash', 'bash'] as const) {
  test(`fault 62: signals that keep coming while the program ends: ${shell} tells its status, or the signal`, async (t) => {
    if (!peersPresent(t, shell)) return;
    const scope = openScope(t);
    // It ends at the fourth signal, whatever comes then.
    const program = `c=0; trap 'c=$((c+1))' TERM INT HUP QUIT; echo up
      while [ $c -lt 4 ]; do sleep 0.01; done; trap '' TERM INT HUP QUIT; exit 7`;
    for (let run = 0; run < 10; run++) {
      const system = Program.start(scope, { name: shell, command: [shell, ENTRYPOINT, '/bin/sh', '-c', program] });
      await system.waitForLine(/^up$/);
      for (const signal of cycle(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)) {
        if (!system.running) break;
        system.signal(signal);
        await delay(1);
      }
      const { code } = await system.waitForExit();
      const told = shell === 'dash' ? [7] : [7, 129, 130, 131, 143];
      assert.ok(code !== null && told.includes(code), `it told ${code}`);
    }
  });
}

/** Again and again, at most some seconds long. */
function* cycle<T>(values: readonly T[]): Generator<T> {
  for (let round = 0; round < 1000; round++) {
    yield* values;
  }
}

for (const { name, prefix } of [
  { name: 'tini', prefix: ['tini', '--', process.execPath, binary('ims-launch')] },
  { name: 'the entrypoint script', prefix: [ENTRYPOINT] },
] as const) {
  test(`fault 62: ${name} as PID 1: the system starts, nothing piles up, TERM is graceful: 0; INT: 130`, async (t) => {
    if (!peersPresent(t, 'pid namespaces', 'tini')) return;
    const scope = openScope(t);
    for (const [signal, status] of [
      ['SIGTERM', 0],
      ['SIGINT', 130],
    ] as const) {
      const place = await choosePlace(scope);
      await configure(place, orphanMaker(place));
      const system = startAsPid1(scope, { command: [...prefix, '--config', place.configPath], cwd: place.directory });
      await system.waitForLine(READY_LINE);
      await orphanEnded(system);
      const pid1 = pid1Of(system);
      await waitFor('no zombie', () => zombiesBelow(pid1) === 0);
      process.kill(pid1, signal);
      assert.equal((await system.waitForExit()).code, status);
      assert.match(system.output, eventLine('stop.done'));
      assert.doesNotMatch(system.output, eventLine('pid1'));
      assert.deepEqual(portsHeld(place), []);
    }
  });
}

test('below npm in a container: a stop cannot be graceful, and the line to use instead is named', async (t) => {
  if (!peersPresent(t, 'pid namespaces')) return;
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const command = [ENTRYPOINT, '--config', place.configPath] as const;
  const env = { npm_command: 'exec', container: 'docker' };
  const system = startAsPid1(scope, { command, cwd: place.directory, env });
  const line = await system.waitForLine(eventLine('launch.npm_in_container'));
  assert.match(String(fieldOf(line, 'reason')), /ENTRYPOINT \["tini", "--", "node", /);
  await system.waitForLine(READY_LINE);
  process.kill(pid1Of(system), 'SIGTERM');
  assert.equal((await system.waitForExit()).code, 0);
});

test('fault 64: a working directory that cannot be written and no runtime directory: it starts and stops', async (t) => {
  if (!peersPresent(t, 'pid namespaces')) return;
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { dataDir: '/sys/nowhere' });
  const system = startAsPid1(scope, {
    command: [ENTRYPOINT, '--config', place.configPath],
    cwd: '/sys',
    env: { XDG_RUNTIME_DIR: '/sys/nowhere' },
  });
  await system.waitForLine(READY_LINE);
  process.kill(pid1Of(system), 'SIGTERM');
  assert.equal((await system.waitForExit()).code, 0);
});

test('the Dockerfile names files that there are, and the parts that the documents promise', () => {
  const text = readFileSync(join(projectRoot, 'Dockerfile'), 'utf8');
  for (const part of ['USER node', 'STOPSIGNAL SIGTERM', 'HEALTHCHECK', 'ENTRYPOINT ["/usr/bin/tini", "--", "node",']) {
    assert.ok(text.includes(part), part);
  }
  for (const [, path = ''] of text.matchAll(/COPY --from=build \/app\/(\S+)/g)) {
    assert.ok(existsSync(join(projectRoot, path)), `${path} is in the project`);
  }
});
