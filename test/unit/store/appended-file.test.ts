import assert from 'node:assert/strict';
import { appendFile, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AppendedFile } from '../../../src/store/appended-file.ts';
import { openScope, temporaryDirectory } from '../../support/scope.ts';
import { waitFor } from '../../support/wait.ts';

async function openFile(t: TestContext): Promise<AppendedFile> {
  const file = new AppendedFile(join(await temporaryDirectory(openScope(t)), 'a', 'b', 'lines'));
  t.after(() => file.close());
  return file;
}

async function write(file: AppendedFile, text: string): Promise<boolean> {
  const isSame = await file.ready();
  await file.append(text);
  return isSame;
}

test('it is made with its directories, for nobody else, and goes on where it ends', async (t) => {
  const file = await openFile(t);
  assert.equal(await write(file, 'one\n'), false);
  assert.equal(await write(file, 'two\n'), true);
  await file.close();
  await appendFile(file.path, 'of another\n');
  assert.equal(await write(file, 'three\n'), false, 'it was closed: somebody may have written');
  assert.equal(await readFile(file.path, 'utf8'), 'one\ntwo\nof another\nthree\n');
  assert.equal((await stat(file.path)).mode & 0o777, 0o600);
  assert.equal((await stat(join(file.path, '..'))).mode & 0o777, 0o700);
});

test('a file that was moved away or deleted is made anew, within a second or so', async (t) => {
  const file = await openFile(t);
  await write(file, 'one\n');
  await rename(file.path, `${file.path}.1`);
  await waitFor('a new file', async () => !(await write(file, 'more\n')));
  assert.equal(await readFile(file.path, 'utf8'), 'more\n');
  assert.match(await readFile(`${file.path}.1`, 'utf8'), /^one\n(more\n)*$/);
  await rm(join(file.path, '..'), { recursive: true });
  await waitFor('a new directory', async () => !(await write(file, 'again\n')));
  assert.equal(await readFile(file.path, 'utf8'), 'again\n');
});
