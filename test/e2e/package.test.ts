/** The package as its users get it: packed, and as a clone installs it. How it is used is in package-use.test.ts. */
import assert from 'node:assert/strict';
import { cp, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { runProgram } from '../support/program.ts';
import { projectRoot } from '../support/project.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';

const INSTALL_TIMEOUT_MS = 120_000;

test('the tarball holds the compiled source, the configuration and the documents, and nothing else', async (t) => {
  const scope = openScope(t);
  const { output } = await run(scope, projectRoot, 'npm', 'pack', '--dry-run', '--json', '--ignore-scripts');
  const [{ files }] = JSON.parse(output.slice(output.indexOf('['))) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  for (const name of ['ims-launch', 'ims-relay', 'ims-server']) {
    assert.ok(paths.includes(`build/src/bin/${name}.js`), `${name} is in the tarball`);
  }
  for (const path of ['config/config.json', 'config/prometheus-rules.yml', 'build/src/dashboard/page/app.js']) {
    assert.ok(paths.includes(path), `${path} is in the tarball`);
  }
  const unwanted = paths.filter(
    (path) =>
      !/^(build\/src\/.*\.(js|d\.ts)|config\/.+|scripts\/docker-entrypoint\.sh|[A-Z]+(\.zh-CN)?(\.md)?|package\.json)$/.test(
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

async function run(scope: Scope, cwd: string, ...command: [string, ...string[]]): Promise<{ output: string }> {
  const { code, output } = await runProgram(scope, { command, cwd }, INSTALL_TIMEOUT_MS);
  assert.equal(code, 0, `${command.join(' ')} failed:\n${output}`);
  return { output };
}
