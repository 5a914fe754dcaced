/** `ims-launch init`: a configuration to begin with. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config/load.ts';
import { runProgram } from '../support/program.ts';
import { binary, projectRoot } from '../support/project.ts';
import { openScope, temporaryDirectory } from '../support/scope.ts';

test('init writes plain JSON with a schema and passwords of its own, for the owner alone, and never over a file', async (t) => {
  const scope = openScope(t);
  const cwd = await temporaryDirectory(scope);
  const init = (...words: string[]) =>
    runProgram(scope, { name: 'init', command: [process.execPath, binary('ims-launch'), 'init', ...words], cwd });
  const first = await init();
  assert.equal(first.code, 0, first.output);
  assert.match(first.output, /npx ims-launch\b/);

  const path = join(cwd, 'config', 'config.json');
  const written = JSON.parse(readFileSync(path, 'utf8')) as { $schema: string; USERS: Record<string, string> };
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.ok(JSON.parse(readFileSync(fileURLToPath(written.$schema), 'utf8')));
  const passwords = Object.values(written.USERS);
  assert.equal(new Set(passwords).size, 3);
  assert.ok(passwords.every((password) => /^[a-z2-9]{20}$/.test(password)));
  assert.ok(passwords.every((password) => !first.output.includes(password)));
  const { config, warnings } = loadConfig({ path, env: {}, flags: {}, cwd });
  assert.deepEqual(config.USERS, written.USERS);
  assert.deepEqual(warnings, []);

  writeFileSync(path, 'mine');
  const second = await init();
  assert.equal(second.code, 73);
  assert.match(second.output, /exists and is left as it is/);
  assert.equal(readFileSync(path, 'utf8'), 'mine');
  const other = await init('other.json', '--users', 'anna,bert');
  assert.equal(other.code, 0, other.output);
  const named = JSON.parse(readFileSync(join(cwd, 'other.json'), 'utf8')) as { USERS: object };
  assert.deepEqual(Object.keys(named.USERS), ['anna', 'bert']);
  mkdirSync(join(cwd, 'my place'));
  const directory = await init('my place');
  assert.match(directory.output, /ims-launch --config 'my place\/config\.json' /);
  assert.equal(statSync(join(cwd, 'my place', 'config.json')).mode & 0o777, 0o600);
  assert.match((await init('new/')).output, /--config new\/config\.json /);
  assert.equal((await init('third.json', '--users', 'a b')).code, 64);
  assert.equal((await init('/proc/nothing/config.json')).code, 73);
});

test('init below npx leaves a copy of the schema beside the configuration, for the cache does not last', async (t) => {
  const scope = openScope(t);
  const cwd = await temporaryDirectory(scope);
  const init = (path: string) =>
    runProgram(scope, {
      name: 'init',
      command: [process.execPath, binary('ims-launch'), 'init', path],
      cwd,
      env: { npm_command: 'exec' },
    });
  assert.equal((await init('config/config.json')).code, 0);
  const read = (name: string) => readFileSync(join(cwd, 'config', name), 'utf8');
  assert.equal((JSON.parse(read('config.json')) as { $schema: string }).$schema, './config.schema.json');
  assert.equal(read('config.schema.json'), readFileSync(join(projectRoot, 'config', 'config.schema.json'), 'utf8'));

  writeFileSync(join(cwd, 'config', 'config.schema.json'), 'mine');
  assert.equal((await init('config/other.json')).code, 0);
  assert.equal(read('config.schema.json'), 'mine');
});
