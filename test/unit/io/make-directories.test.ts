import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeDirectories, makeDirectoriesSync } from '../../../src/io/make-directories.ts';
import { openScope, temporaryDirectory } from '../../support/scope.ts';

const FORMS = {
  makeDirectories,
  makeDirectoriesSync: async (path: string, mode: number): Promise<void> => makeDirectoriesSync(path, mode),
};

for (const [name, make] of Object.entries(FORMS)) {
  test(`${name}: with the parents, and again without harm`, async (t) => {
    const path = join(await temporaryDirectory(openScope(t)), 'a', 'b', 'c');
    await make(path, 0o700);
    await make(path, 0o700);
    assert.equal(statSync(path).mode & 0o777, 0o700);
  });

  test(`${name}: an error of the system, and no endless search, where nothing can be made`, async (t) => {
    const file = join(await temporaryDirectory(openScope(t)), 'file');
    writeFileSync(file, '');
    await assert.rejects(make(join(file, 'a', 'b'), 0o700), { code: 'ENOTDIR' });
    if (process.platform === 'linux') {
      await assert.rejects(make('/proc/ims-launch/a/b', 0o700), { code: 'ENOENT' });
    }
  });
}
