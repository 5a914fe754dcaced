import assert from 'node:assert/strict';
import { pbkdf2 } from 'node:crypto';
import { readFileSync, renameSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogFile } from '../../../src/observe/log-file.ts';
import { waitFor } from '../../support/wait.ts';

/** Node's threads for files; as many long jobs keep a write waiting. */
const POOL_THREADS = 4;

test('a file that is reopened during a write: the line goes into the file that it was written to', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'ims-log-file-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'launch.log');
  const failures: Error[] = [];
  const file = new LogFile({ path, maxBytes: 1_000_000, maxFiles: 1, onFailure: (error) => failures.push(error) });
  const jobs = Array.from(
    { length: POOL_THREADS },
    () => new Promise((resolve) => pbkdf2('', '', 200_000, 64, 'sha512', resolve)),
  );
  file.write('before\n');
  await new Promise(setImmediate);
  file.write('while it is written\n');
  renameSync(path, `${path}.moved`);
  file.reopen();
  file.write('after\n');
  await Promise.all(jobs);
  await waitFor('the last line', () => readFileSync(path, 'utf8').includes('after'));
  await waitFor('the others', () => readFileSync(`${path}.moved`, 'utf8').includes('while'));
  assert.equal(readFileSync(`${path}.moved`, 'utf8'), 'before\nwhile it is written\n');
  assert.equal(readFileSync(path, 'utf8'), 'after\n');
  file.close();
  assert.deepEqual(failures, []);
  assert.equal(file.dropped, 0);
});
