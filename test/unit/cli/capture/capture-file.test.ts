import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CaptureFile } from '../../../../src/cli/capture/capture-file.ts';
import { peersPresent } from '../../../support/peers.ts';
import { openScope, temporaryDirectory } from '../../../support/scope.ts';

const HEADER_BYTES = 24;

test('it is for its owner alone, and ends with a whole record before it is too long', async (t) => {
  const path = join(await temporaryDirectory(openScope(t)), 'a.pcap');
  const file = await CaptureFile.open(path, { maxBytes: HEADER_BYTES + 25, force: false });
  t.after(() => file.close());
  const record = new Uint8Array(10).fill(7);
  assert.equal(await file.write([record]), 'written');
  assert.equal(await file.write([record, record]), 'full');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(readFileSync(path).length, HEADER_BYTES + 20);
  assert.equal(file.bytes, HEADER_BYTES + 20);
});

test('it takes no other file’s place unless told, follows no link, and says what cannot be', async (t) => {
  const directory = await temporaryDirectory(openScope(t));
  const [taken, link, folder] = [join(directory, 'taken'), join(directory, 'link'), join(directory, 'folder')];
  writeFileSync(taken, 'precious', { mode: 0o644 });
  symlinkSync(taken, link);
  mkdirSync(folder);
  for (const [path, force] of [
    [taken, false],
    [link, false],
    [link, true],
    [folder, true],
  ] as const) {
    await assert.rejects(CaptureFile.open(path, { maxBytes: 1000, force }), { code: 'IMS_ERR_FILE_EXISTS' }, path);
  }
  assert.equal(readFileSync(taken, 'utf8'), 'precious');
  await assert.rejects(CaptureFile.open(join(directory, 'none', 'x'), { maxBytes: 1000, force: true }), {
    code: 'IMS_ERR_FILE_WRITE',
  });
  const file = await CaptureFile.open(taken, { maxBytes: 1000, force: true });
  await file.close();
  assert.deepEqual([statSync(taken).size, statSync(taken).mode & 0o777], [HEADER_BYTES, 0o600]);
});

test('on a full disk it ends with a whole record all the same', async (t) => {
  if (!peersPresent(t, 'root')) return;
  const scope = openScope(t);
  const disk = await temporaryDirectory(scope);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
  scope.defer(() => {
    execFileSync('umount', ['-l', disk]);
  });
  const path = join(disk, 'a.pcap');
  const file = await CaptureFile.open(path, { maxBytes: 1_000_000, force: false });
  const records = Array.from({ length: 3 }, () => new Uint8Array(9999));
  assert.equal(await file.write(records), 'written');
  await assert.rejects(file.write([...records, ...records]), { code: 'IMS_ERR_FILE_WRITE' });
  await file.close();
  assert.equal(statSync(path).size, HEADER_BYTES + 3 * 9999);
});
