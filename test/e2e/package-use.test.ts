/**
 * The ways to use the package, with what its users have: packed, installed into an empty folder, and started by npx,
 * by `npm start` and as a container's entrypoint. Each must end in order when its outermost process is told to.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { pid1Of, startAsPid1 } from '../support/container.ts';
import { eventLine, fieldOf } from '../support/launcher.ts';
import { peersPresent } from '../support/peers.ts';
import { freePortRange } from '../support/ports.ts';
import { Program, type ProgramOptions, runProgram } from '../support/program.ts';
import { projectRoot } from '../support/project.ts';
import { createScope, openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { udpSockets, udpSocketsOf } from '../support/survivors.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

const INSTALL_TIMEOUT_MS = 180_000;

/** Everything starts more slowly below npm, and the machine may have other work. */
const READY_TIMEOUT_MS = 60_000;

const whole = createScope();
/** The user's folder, with the package in its node_modules; why there is none, where the registry does not answer. */
let folder = '';

before(async () => {
  const { scope } = whole;
  const directory = await temporaryDirectory(scope);
  await run(scope, projectRoot, 'npm', 'pack', '--ignore-scripts', '--pack-destination', directory);
  const [name] = (await readdir(directory)).filter((file) => file.endsWith('.tgz'));
  assert.match(basename(name ?? ''), /^ims-launch-.*\.tgz$/);
  const target = await temporaryDirectory(scope);
  // Without one npm would install into a folder above that has one.
  await writeFile(join(target, 'package.json'), '{}');
  if ((await runProgram(scope, { command: ['npm', 'ping'] }, 30_000)).code === 0) {
    await run(
      scope,
      target,
      'npm',
      'install',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      join(directory, name ?? ''),
    );
    folder = target;
  }
});

after(() => whole.close());

test('npx: the system comes up, and verify exits 0', async (t) => {
  const scope = installed(t);
  if (scope === undefined) return;
  const env = portsOfItsOwn();
  const system = Program.start(scope, { name: 'npx', command: ['npx', 'ims-launch'], cwd: folder, env });
  await system.waitForLine(READY_LINE, READY_TIMEOUT_MS);
  const verify = await runProgram(scope, {
    name: 'verify',
    command: ['npx', 'ims-launch', 'verify'],
    cwd: folder,
    env,
  });
  assert.equal(verify.code, 0, verify.output);
  await endsInOrder(system);
});

test('fault 51: npx dies of TERM without passing it on: the launcher sees it and stops in order', async (t) => {
  const scope = installed(t);
  if (scope === undefined) return;
  const system = await start(scope, { name: 'npx', command: ['npx', 'ims-launch'], cwd: folder });
  await endsInOrder(system);
  assert.match(system.output, eventLine('launcher.gone'));
});

for (const { form, script, reason } of [
  // Below a shell that waits, as npm has one where /bin/sh is bash or the script has more than one command.
  { form: 'a script of several commands', script: 'ims-launch start; exit $?', reason: 'launcher-exited' },
  { form: 'a script with exec', script: 'exec ims-launch start', reason: 'SIGTERM' },
] as const) {
  test(`fault 52: npm start, ${form}: TERM to npm stops in order`, async (t) => {
    const scope = installed(t);
    if (scope === undefined) return;
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
    await writeFile(join(folder, 'package.json'), JSON.stringify({ ...manifest, scripts: { start: script } }));
    const system = await start(scope, { name: 'npm', command: ['npm', 'start'], cwd: folder });
    await endsInOrder(system);
    assert.equal(fieldOf(await system.waitForLine(eventLine('stop.begin')), 'reason'), reason);
  });
}

test('fault 52: npm start in a clone, whose script has exec: TERM to npm reaches the launcher itself', async (t) => {
  const scope = openScope(t);
  const system = await start(scope, { name: 'npm', command: ['npm', 'start'], cwd: projectRoot });
  await endsInOrder(system);
  assert.equal(fieldOf(await system.waitForLine(eventLine('stop.begin')), 'reason'), 'SIGTERM');
});

const IN_PACKAGE = 'node_modules/ims-launch';
for (const { name, command } of [
  { name: 'tini and node', command: ['tini', '--', process.execPath, `${IN_PACKAGE}/build/src/bin/ims-launch.js`] },
  { name: 'its entrypoint script', command: [`${IN_PACKAGE}/scripts/docker-entrypoint.sh`] },
] as const) {
  test(`fault 62: ${name} as PID 1, from the installed package: TERM ends it in order with 0`, async (t) => {
    const scope = installed(t);
    if (scope === undefined || !peersPresent(t, 'pid namespaces', 'tini')) return;
    const system = startAsPid1(scope, { command: [...command], cwd: folder, env: portsOfItsOwn() });
    await system.waitForLine(READY_LINE, READY_TIMEOUT_MS);
    process.kill(pid1Of(system), 'SIGTERM');
    assert.equal((await system.waitForExit(30_000)).code, 0, system.output);
    assert.match(system.output, eventLine('stop.done'));
  });
}

/** The test's scope; undefined: the test has been skipped aloud. */
function installed(t: TestContext): Scope | undefined {
  return folder === '' && !peersPresent(t, 'npm registry') ? undefined : openScope(t);
}

async function start(scope: Scope, options: ProgramOptions): Promise<Program> {
  const system = Program.start(scope, { ...options, env: portsOfItsOwn() });
  await system.waitForLine(READY_LINE, READY_TIMEOUT_MS);
  return system;
}

/** TERM to the outermost process: what it started ends in order, and nothing is left. */
async function endsInOrder(system: Program): Promise<void> {
  const held = udpSocketsOf(system.processes());
  assert.ok(held.size > 0, 'the system holds UDP ports while it runs');
  system.signal('SIGTERM');
  // The output is closed by the last of them.
  await system.waitForExit(30_000);
  assert.match(system.output, eventLine('stop.done'));
  assert.doesNotMatch(system.output, eventLine('stop.kill'));
  await waitFor('nobody left', () => system.processes().length === 0);
  await waitFor('unbound ports', () => [...held.keys()].every((inode) => !udpSockets().has(inode)));
}

async function run(scope: Scope, cwd: string, ...command: [string, ...string[]]): Promise<void> {
  const { code, output } = await runProgram(scope, { command, cwd }, INSTALL_TIMEOUT_MS);
  assert.equal(code, 0, `${command.join(' ')} failed:\n${output}`);
}

/** The default configuration on other ports of the loopback interface: an installed package has no config.json yet. */
function portsOfItsOwn(): Record<string, string> {
  const count = 34;
  const first = freePortRange(count);
  return {
    SERVER_IP: '127.0.0.1',
    IMS_LAUNCH_SERVER_PORT: String(first),
    RTPPROXY_UDP_PORT: String(first + 1),
    IMS_LAUNCH_RELAY_MIN_PORT: String(first + 2),
    IMS_LAUNCH_RELAY_MAX_PORT: String(first + count - 1),
  };
}
