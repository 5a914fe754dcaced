/** A bench on a busy machine is only worth something when its processes have their turn. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { setNice } from '../../../../scripts/bench/relay/priority.ts';

test('a nice value is that of the process and of its session', async (t) => {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const pid = child.pid ?? assert.fail('no sleep(1)');
  assert.ok(setNice(pid, 7));
  assert.equal(getPriority(pid), 7);
  const group = `/proc/${pid}/autogroup`;
  if (existsSync(group)) {
    assert.match(readFileSync(group, 'utf8'), /nice 7$/m);
  }
});

test('of a process that is gone it cannot be set', async () => {
  const child = spawn('true', { stdio: 'ignore' });
  await once(child, 'exit');
  assert.equal(setNice(child.pid ?? assert.fail('no true(1)'), 7), false);
});
