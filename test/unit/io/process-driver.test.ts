import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { type ChildCommand, ChildDriver, type ChildListener } from '../../../src/io/process-driver.ts';
import { groupOf, livingGroupMembers, processesWithEnvironment } from '../../../src/io/process-table.ts';
import { waitFor } from '../../support/wait.ts';

/** A child with everything that it said, in order. */
function start(
  t: TestContext,
  argv: [string, ...string[]],
  options: { cwd?: string; env?: Record<string, string>; stop?: Partial<ChildCommand['stop']> } = {},
) {
  const facts: string[] = [];
  const listener: ChildListener = {
    spawned: () => facts.push('spawned'),
    spawnFailed: (reason) => facts.push(`spawn-failed ${reason}`),
    exited: ({ exitCode, signal, daemonised }) => {
      facts.push(`exited ${signal ?? exitCode}${daemonised ? ' daemonised' : ''}`);
    },
    extinct: () => facts.push('extinct'),
    line: (stream, text) => facts.push(`${stream}: ${text}`),
    message: (message) => facts.push(`message ${JSON.stringify(message)}`),
  };
  const cookie = `test-${process.pid}-${Math.random()}`;
  const child = new ChildDriver(
    {
      argv,
      cwd: options.cwd,
      env: { PATH: process.env['PATH'] ?? '', COOKIE: cookie, ...options.env },
      embedded: false,
      stop: { signal: 'SIGTERM', wholeGroup: false, ...options.stop },
      cookies: ['COOKIE'],
    },
    listener,
  );
  t.after(() => {
    child.kill();
    child.close();
  });
  child.start();
  const until = (fact: string): Promise<unknown> => waitFor(fact, () => facts.includes(fact));
  return { child, facts, until, cookie: `COOKIE=${cookie}` };
}

test('a program: spawned, its lines, its status, extinct', async (t) => {
  const { facts, until } = start(t, ['sh', '-c', 'echo out; echo err >&2; exit 3']);
  await until('extinct');
  await until('stdout: out');
  await until('stderr: err');
  assert.deepEqual(
    facts.filter((fact) => !fact.startsWith('std')),
    ['spawned', 'exited 3', 'extinct'],
  );
});

test('what cannot be started is told, and nothing is thrown', async (t) => {
  for (const [argv, options, reason] of [
    [['no-such-program-anywhere'], {}, 'not-found'],
    [['/'], {}, 'not-executable'],
    [['true'], { cwd: '/no/such/directory' }, 'bad-cwd'],
    [['true'], { env: { HUGE: 'x'.repeat(200_000) } }, 'too-big'],
  ] as [[string], object, string][]) {
    const { facts } = start(t, argv, options);
    await waitFor('an answer', () => facts.length > 0);
    assert.deepEqual(facts, [`spawn-failed ${reason}`]);
  }
});

test('a leader that ends is told at once, although another process holds its output; extinct comes when that ends', async (t) => {
  const { child, facts, until } = start(t, ['sh', '-c', 'sleep 60 & exit 1']);
  await until('exited 1');
  assert.ok(!facts.includes('extinct'));
  child.kill();
  await until('extinct');
});

test('one TERM a process: the leader is asked, then the rest', async (t) => {
  const script =
    'trap "echo leader" TERM; (trap "echo member" TERM; while :; do sleep 0.05; done) & echo up; while :; do sleep 0.05; done';
  const { child, facts, until } = start(t, ['sh', '-c', script]);
  await until('stdout: up');
  child.requestStop();
  await until('stdout: leader');
  assert.ok(!facts.includes('stdout: member'));
  child.terminateRest();
  child.terminateRest();
  await until('stdout: member');
  child.kill();
  await until('exited SIGKILL');
  await until('extinct');
  assert.equal(facts.filter((fact) => fact === 'stdout: leader').length, 1);
  assert.equal(facts.filter((fact) => fact === 'stdout: member').length, 1);
});

/** Says who got which signal, and does not end of any. */
const DEAF_PAIR =
  'trap "echo leader TERM" TERM; trap "echo leader USR1" USR1; ' +
  '(trap "echo member TERM" TERM; trap "echo member USR1" USR1; echo up; while :; do sleep 0.05; done) & ' +
  'while :; do sleep 0.05; done';

test('another stop signal goes to the leader; TERM follows for whoever made nothing of it', async (t) => {
  const { child, facts, until } = start(t, ['sh', '-c', DEAF_PAIR], { stop: { signal: 'SIGUSR1' } });
  await until('stdout: up');
  child.requestStop();
  await until('stdout: leader USR1');
  child.terminateRest();
  await until('stdout: leader TERM');
  await until('stdout: member TERM');
  assert.ok(!facts.includes('stdout: member USR1'));
  child.kill();
  await until('extinct');
});

test('killMode group: the whole group is asked at once, and each member once', async (t) => {
  const { child, facts, until } = start(t, ['sh', '-c', DEAF_PAIR], { stop: { wholeGroup: true } });
  await until('stdout: up');
  child.requestStop();
  await until('stdout: leader TERM');
  await until('stdout: member TERM');
  child.requestStop();
  child.terminateRest();
  child.kill();
  await until('extinct');
  assert.equal(facts.filter((fact) => fact.endsWith(' TERM')).length, 2, facts.join());
});

test('a stopped process acts on TERM, because it is continued', async (t) => {
  const { child, until } = start(t, ['sh', '-c', 'kill -STOP $$; exit 0']);
  await waitFor('a group', () => child.pid !== undefined && livingGroupMembers(child.pid)?.length === 1);
  child.requestStop();
  await until('extinct');
});

test('a program that goes into the background is found out', { skip: process.platform !== 'linux' }, async (t) => {
  const { facts, until, cookie } = start(t, ['sh', '-c', 'setsid sleep 60 </dev/null >/dev/null 2>&1 & exit 0']);
  await until('extinct');
  assert.ok(facts.includes('exited 0 daemonised'), facts.join('\n'));
  const [stray = 0] = processesWithEnvironment([cookie]);
  assert.notEqual(stray, 0);
  process.kill(stray, 'SIGKILL');
  await waitFor('its end', () => processesWithEnvironment([cookie]).length === 0);
});

test('every child leads a group of its own', { skip: process.platform !== 'linux' }, async (t) => {
  const { child, until } = start(t, ['sleep', '60']);
  await until('spawned');
  const { pid = 0 } = child;
  assert.equal(groupOf(pid), pid);
  assert.notEqual(groupOf(process.pid), pid);
  child.kill();
  await until('extinct');
  // Both are no-ops now.
  child.kill();
  child.requestStop();
});

test('a zombie is not alive', { skip: process.platform !== 'linux' }, async (t) => {
  const { spawn } = await import('node:child_process');
  // sleep never waits for the child that the shell left it, so the child stays a zombie. It lives long enough for the
  // shell to become sleep: the shell itself would reap it.
  const shell = spawn('sh', ['-c', 'sh -c "sleep 0.3" & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => shell.kill('SIGKILL'));
  const [line] = (await once(shell.stdout, 'data')) as [Buffer];
  const zombie = Number(line.toString());
  const group = groupOf(process.pid) ?? 0;
  await waitFor('a zombie', () => /^State:\s+Z/m.test(readFileSync(`/proc/${zombie}/status`, 'utf8')));
  assert.equal(livingGroupMembers(group)?.includes(zombie), false);
  assert.equal(process.kill(zombie, 0), true, 'kill(pid, 0) calls it alive');
});
