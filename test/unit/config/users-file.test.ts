import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type LoadedConfig, loadConfig } from '../../../src/config/load.ts';
import { openScope, temporaryDirectory } from '../../support/scope.ts';

async function load(t: TestContext, users: string | undefined, config = '{}'): Promise<LoadedConfig> {
  const cwd = await temporaryDirectory(openScope(t));
  mkdirSync(join(cwd, 'data'));
  writeFileSync(join(cwd, 'config.json'), config);
  if (users !== undefined) {
    writeFileSync(join(cwd, 'data', 'users.json'), users);
  }
  return loadConfig({ path: 'config.json', env: {}, flags: {}, cwd });
}

test('without the file: USERS, or the default ones', async (t) => {
  const loaded = await load(t, undefined);
  assert.equal(loaded.usersFound, false);
  assert.match(loaded.usersPath, /\/data\/users\.json$/);
  assert.deepEqual(Object.keys(loaded.config.USERS), ['1001', '1002', '1003']);
});

test('with the file and without USERS: the published accounts are not there', async (t) => {
  const loaded = await load(t, '{"anna":"a","bert":"ha1:MD5:0123456789abcdef0123456789abcdef"}');
  assert.equal(loaded.usersFound, true);
  assert.deepEqual(Object.keys(loaded.config.USERS), ['anna', 'bert']);
  assert.deepEqual(loaded.warnings, []);
});

test('both: the sum of them; of a name that is in both, the password of USERS, and a warning', async (t) => {
  const { config, warnings } = await load(t, '{"anna":"a","bert":"b"}', '{"USERS":{"bert":"c","carol":"d"}}');
  assert.deepEqual(config.USERS, { anna: 'a', bert: 'c', carol: 'd' });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /users\.json: .*: bert$/);
});

test('an empty file of accounts is no account', async (t) => {
  assert.deepEqual((await load(t, '{}')).config.USERS, {});
});

const REFUSED = [
  ['not JSON', '{"anna":', /users\.json:1:9 is not JSON/],
  ['a list', '[]', /users\.json must hold a JSON object/],
  ['a name with @', '{"anna@home":"a"}', /users\.json: anna@home: must be a user name/],
  ['a number as the password', '{"anna":1}', /users\.json: anna: .*expected string/],
  ['half a hash', '{"anna":"ha1:MD5:12"}', /users\.json: anna: begins with "ha1:"/],
] as const;

for (const [name, text, sentence] of REFUSED) {
  test(`refused: ${name}`, async (t) => {
    await assert.rejects(load(t, text), sentence);
  });
}

test('of many mistakes ten are told, and none with the password', async (t) => {
  const users = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`user ${index}`, 'very-secret']));
  await assert.rejects(load(t, JSON.stringify(users)), ({ message }: Error) => {
    assert.equal(message.split('\n').length, 11);
    assert.match(message, /and 15 more$/);
    assert.doesNotMatch(message, /very-secret/);
    return true;
  });
});

test('100 000 accounts are read; more than 32 MiB are not', async (t) => {
  const users = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`user${index}`, 'a password']));
  assert.equal(Object.keys((await load(t, JSON.stringify(users))).config.USERS).length, 100_000);
  await assert.rejects(load(t, ' '.repeat((32 << 20) + 1)), /users\.json is longer than 33554432 bytes/);
});
