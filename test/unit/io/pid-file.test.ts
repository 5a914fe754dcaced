import assert from 'node:assert/strict';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writePidFile } from '../../../src/io/pid-file.ts';
import { startTimeOf } from '../../../src/io/process-table.ts';
import { openScope, temporaryDirectory } from '../../support/scope.ts';

test('process id and start time; removed at the end, but only by its owner', async (t) => {
  const path = join(await temporaryDirectory(openScope(t)), 'pid');
  const file = writePidFile(path);
  assert.equal(readFileSync(path, 'utf8'), `${process.pid} ${startTimeOf(process.pid)}\n`);
  writeFileSync(path, '1 1\n');
  file.remove();
  assert.ok(existsSync(path));
  writePidFile(path).remove();
  assert.equal(existsSync(path), false);
});

test('fault 15: stale: our own id, a dead one, an unrelated living one, anything else', async (t) => {
  const path = join(await temporaryDirectory(openScope(t)), 'pid');
  for (const text of [String(process.pid), `${process.pid} 1`, '4194305 7', '1', '1 3', 'x', '', '-1 0', '0 0']) {
    writeFileSync(path, `${text}\n`);
    writePidFile(path).remove();
  }
});

test('a living process with that start time holds the file', async (t) => {
  const path = join(await temporaryDirectory(openScope(t)), 'pid');
  const text = `${process.ppid} ${startTimeOf(process.ppid)}\n`;
  writeFileSync(path, text);
  assert.throws(() => writePidFile(path), { code: 'IMS_ERR_LOCKED' });
  assert.equal(readFileSync(path, 'utf8'), text);
});

test('a link is replaced, not followed; a place that cannot be written is named', async (t) => {
  const directory = await temporaryDirectory(openScope(t));
  const target = join(directory, 'precious');
  writeFileSync(target, 'precious');
  symlinkSync(target, join(directory, 'pid'));
  writePidFile(join(directory, 'pid'));
  assert.equal(readFileSync(target, 'utf8'), 'precious');
  assert.throws(() => writePidFile(join(directory, 'no', 'pid')), { code: 'IMS_ERR_PID_FILE', message: /ENOENT/ });
});
