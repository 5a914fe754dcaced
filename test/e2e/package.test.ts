/** The package as its users get it: packed, installed into an empty folder, started by npx. */
import assert from 'node:assert/strict';
import { cp, mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { freePortRange } from '../support/ports.ts';
import { Program, runProgram } from '../support/program.ts';
import { projectRoot } from '../support/project.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { udpSockets, udpSocketsOf } from '../support/survivors.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

const INSTALL_TIMEOUT_MS = 120_000;

test('npm pack, npm i in an empty folder, npx ims-launch: verify exits 0, and SIGTERM to npx leaves nothing', async (t) => {
  if (!peersPresent(t, 'npm registry')) return;
  const scope = openScope(t);
  const tarball = await pack(scope);
  const folder = await temporaryDirectory(scope);
  await run(scope, folder, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball);

  const env = portsOfItsOwn();
  const system = Program.start(scope, { name: 'npx', command: ['npx', 'ims-launch'], cwd: folder, env });
  await system.waitForLine(READY_LINE, 30_000);
  const verify = await runProgram(scope, {
    name: 'verify',
    command: ['npx', 'ims-launch', 'verify'],
    cwd: folder,
    env,
  });
  assert.equal(verify.code, 0, verify.output);

  const held = udpSocketsOf(system.processes());
  system.signal('SIGTERM');
  await system.waitForExit();
  await waitFor('unbound ports', () => [...held.keys()].every((inode) => !udpSockets().has(inode)));
});

test('the tarball holds the compiled source, the configuration and the documents, and nothing else', async (t) => {
  const scope = openScope(t);
  const { output } = await run(scope, projectRoot, 'npm', 'pack', '--dry-run', '--json', '--ignore-scripts');
  const [{ files }] = JSON.parse(output.slice(output.indexOf('['))) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  for (const name of ['ims-launch', 'ims-relay', 'ims-server']) {
    assert.ok(paths.includes(`build/src/bin/${name}.js`), `${name} is in the tarball`);
  }
  assert.ok(paths.includes('config/config.json'));
  const unwanted = paths.filter(
    (path) =>
      !/^(build\/src\/.*\.(js|d\.ts)|config\/[^/]+|scripts\/docker-entrypoint\.sh|[A-Z]+(\.md)?|package\.json)$/.test(
        path,
      ),
  );
  assert.deepEqual(unwanted, []);
});

test('npm ci --omit=dev in a clone does not fail although nothing can be compiled', async (t) => {
  if (!peersPresent(t, 'npm registry')) return;
  const scope = openScope(t);
  const clone = join(await temporaryDirectory(scope), 'clone');
  await mkdir(clone);
  const notInAClone = new Set(['node_modules', 'build', 'data', '.git']);
  for (const entry of await readdir(projectRoot)) {
    if (!notInAClone.has(entry)) {
      await cp(join(projectRoot, entry), join(clone, entry), { recursive: true });
    }
  }
  const { output } = await run(scope, clone, 'npm', 'ci', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund');
  assert.doesNotMatch(output, /install.scripts|allowScripts/i, 'koffi’s install script is settled: it need not run');
});

/** Packs the project as it was built, and returns the tarball's path. */
async function pack(scope: Scope): Promise<string> {
  const directory = await temporaryDirectory(scope);
  await run(scope, projectRoot, 'npm', 'pack', '--ignore-scripts', '--pack-destination', directory);
  const [name] = (await readdir(directory)).filter((file) => file.endsWith('.tgz'));
  assert.match(basename(name ?? ''), /^ims-launch-.*\.tgz$/);
  return join(directory, name ?? '');
}

async function run(scope: Scope, cwd: string, ...command: [string, ...string[]]): Promise<{ output: string }> {
  const { code, output } = await runProgram(scope, { command, cwd }, INSTALL_TIMEOUT_MS);
  assert.equal(code, 0, `${command.join(' ')} failed:\n${output}`);
  return { output };
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
