import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { processSnapshot } from '../../../src/io/process-snapshot.ts';
import { waitFor } from '../../support/wait.ts';

test('a process is seen from outside: stopped, asleep, and what it has used', async (t) => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const pid = Number(child.pid);
  const asleep = await waitFor('its sleep', () => {
    const snapshot = processSnapshot(pid);
    return snapshot?.state === 'S (sleeping)' ? snapshot : undefined;
  });
  assert.ok(asleep.memoryBytes > 0 && asleep.cpuMs >= 0);
  assert.equal(asleep.threads, 1);
  child.kill('SIGSTOP');
  await waitFor('its stop', () => processSnapshot(pid)?.state.startsWith('T'));
});

test('a busy one shows its processor time, one that is gone nothing', () => {
  const before = processSnapshot(process.pid)?.cpuMs ?? 0;
  const until = performance.now() + 10_000;
  // Until the kernel has counted 50 ms: on a busy machine that takes longer than 50 ms.
  while (performance.now() < until && (processSnapshot(process.pid)?.cpuMs ?? 0) < before + 50);
  assert.ok((processSnapshot(process.pid)?.cpuMs ?? 0) >= before + 50);
  assert.equal(processSnapshot(2 ** 22 + 1), undefined);
});
