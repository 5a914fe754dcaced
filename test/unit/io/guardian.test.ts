import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Guardian, type GuardianForm } from '../../../src/io/guardian.ts';
import { processesWithEnvironment } from '../../../src/io/process-table.ts';
import { silentLog } from '../../support/logs.ts';
import { createScope, openScope, type Scope } from '../../support/scope.ts';
import { waitFor } from '../../support/wait.ts';

const COOKIE_NAME = 'IMS_TEST_GUARDED';

/** A guardian in a process that can be killed: it watches one group and says so. */
function startHolder(scope: Scope, cookie: string, form: GuardianForm, group: number): ChildProcess {
  const module = new URL('../../../src/io/guardian.js', import.meta.url).href;
  const program = `
    const { Guardian } = await import(${JSON.stringify(module)});
    const log = { warn() {}, debug() {}, info() {}, error() {}, trace() {} };
    const guardian = new Guardian({ cookie: ${JSON.stringify(cookie)}, env: process.env, log, form: ${JSON.stringify(form)} });
    guardian.start();
    guardian.watch(${group});
    console.log('watching');
    process.on('SIGTERM', () => { guardian.close(); process.exit(0); });
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  scope.defer(() => {
    holder.kill('SIGKILL');
  });
  return holder;
}

function startSleeper(scope: Scope, cookie: string, script: string): ChildProcess {
  const sleeper = spawn('sh', ['-c', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, [COOKIE_NAME]: cookie.slice(COOKIE_NAME.length + 1) },
  });
  scope.defer(() => {
    for (const pid of processesWithEnvironment([cookie])) {
      process.kill(pid, 'SIGKILL');
    }
  });
  return sleeper;
}

for (const form of ['shell', 'node'] as const) {
  test(`${form}: its holder is killed: the group is gone, also what ignores TERM and what left the group`, async (t) => {
    const scope = openScope(t);
    const cookie = `${COOKIE_NAME}=${scope.runId}`;
    const sleeper = startSleeper(scope, cookie, `trap "" TERM; setsid sleep 600 & sleep 600 & echo up; wait`);
    await once(sleeper.stdout as NodeJS.ReadableStream, 'data');
    const holder = startHolder(scope, cookie, form, sleeper.pid ?? 0);
    await once(holder.stdout as NodeJS.ReadableStream, 'data');
    holder.kill('SIGKILL');
    await waitFor('nobody left', () => processesWithEnvironment([cookie]).length === 0, { timeoutMs: 3000 });
  });

  test(`${form}: a clean end leaves the group alone`, async (t) => {
    const scope = openScope(t);
    const cookie = `${COOKIE_NAME}=${scope.runId}`;
    const sleeper = startSleeper(scope, cookie, 'echo up; exec sleep 600');
    await once(sleeper.stdout as NodeJS.ReadableStream, 'data');
    const guardian = new Guardian({ cookie, env: process.env as Record<string, string>, log: silentLog(), form });
    guardian.start();
    guardian.watch(sleeper.pid ?? 0);
    const helper = guardian.pid ?? 0;
    guardian.close();
    await waitFor('the helper’s end', () => !isThere(helper));
    assert.deepEqual(processesWithEnvironment([cookie]), [sleeper.pid]);
  });
}

test('a group whose leader has another start time is somebody else’s', async (t) => {
  const scope = openScope(t);
  const cookie = `${COOKIE_NAME}=${scope.runId}`;
  const stranger = startSleeper(scope, cookie, 'echo up; exec sleep 600');
  await once(stranger.stdout as NodeJS.ReadableStream, 'data');
  const { GUARDIAN_SCRIPT } = await import('../../../src/io/guardian-script.ts');
  const helper = spawn('/bin/sh', ['-c', GUARDIAN_SCRIPT, 'guardian', 'NOBODY=carries-this'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  helper.stdin.end(`watch ${stranger.pid} 1\n`);
  await once(helper, 'exit');
  assert.deepEqual(processesWithEnvironment([cookie]), [stranger.pid]);
});

test('a guardian that dies is replaced, with a warning, and its successor knows the groups', async () => {
  const { scope, close } = createScope();
  try {
    const cookie = `${COOKIE_NAME}=${scope.runId}`;
    const warnings: string[] = [];
    const log = { ...silentLog(), warn: (_fields: object, sentence: string) => warnings.push(sentence) };
    const guardian = new Guardian({ cookie, env: process.env as Record<string, string>, log });
    scope.defer(() => guardian.close());
    guardian.start();
    const first = guardian.pid ?? 0;
    process.kill(first, 'SIGKILL');
    await waitFor('another helper', () => guardian.pid !== undefined && guardian.pid !== first);
    assert.deepEqual(warnings, ['the guardian is gone; another one is started']);
  } finally {
    await close();
  }
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('one that lived is replaced at once, however many died before it', async (t) => {
  const scope = openScope(t);
  const delays: unknown[] = [];
  const log = { ...silentLog(), warn: (fields: object) => delays.push((fields as { delayMs: number }).delayMs) };
  const guardian = new Guardian({
    cookie: `${COOKIE_NAME}=${scope.runId}`,
    env: process.env as Record<string, string>,
    log,
  });
  t.after(() => guardian.close());
  guardian.start();
  for (let deaths = 1; deaths <= 3; deaths++) {
    const pid = guardian.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    await waitFor('the next one', () => guardian.pid !== undefined && guardian.pid !== pid);
  }
  await sleep(1100);
  process.kill(guardian.pid ?? 0, 'SIGKILL');
  await waitFor('the warning', () => delays.length === 4);
  assert.equal(delays[3], delays[0]);
});
