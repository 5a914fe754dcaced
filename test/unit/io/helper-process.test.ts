import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { HelperProcess } from '../../../src/io/helper-process.ts';
import { processesWithEnvironment } from '../../../src/io/process-table.ts';

interface Run {
  readonly facts: string[];
  readonly ended: Promise<string | undefined>;
  readonly cookie: string;
}

function run(t: TestContext, argv: [string, ...string[]], limitMs = 20_000): Run {
  const facts: string[] = [];
  const cookie = `helper-${process.pid}-${Math.random()}`;
  const env = { PATH: process.env['PATH'] ?? '', COOKIE: cookie };
  const stop = { signal: 'SIGTERM', wholeGroup: false } as const;
  let resolve: (failure: string | undefined) => void = () => {};
  const ended = new Promise<string | undefined>((settle) => {
    resolve = settle;
  });
  const helper = new HelperProcess({ argv, cwd: undefined, env, embedded: false, stop, cookies: ['COOKIE'] }, limitMs, {
    started: () => facts.push('started'),
    line: (stream, text) => facts.push(`${stream}: ${text}`),
    ended: (failure) => {
      facts.push('ended');
      resolve(failure);
    },
  });
  t.after(() => {
    helper.kill();
    helper.close();
  });
  helper.start();
  return { facts, ended, cookie: `COOKIE=${cookie}` };
}

test('a command that ends with 0 has not failed; its end is told once', async (t) => {
  const { facts, ended } = run(t, ['true']);
  assert.equal(await ended, undefined);
  assert.deepEqual(facts, ['started', 'ended']);
});

test('a failure is told in words: a status, a signal, no such command', async (t) => {
  assert.equal(await run(t, ['sh', '-c', 'exit 4']).ended, 'ended with status 4');
  assert.equal(await run(t, ['sh', '-c', 'kill -USR1 $$']).ended, 'was ended by SIGUSR1');
  assert.match((await run(t, ['no-such-command-anywhere']).ended) ?? '', /^could not be started: .*no such command/);
});

test('a command that takes too long is killed, with what it has started', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const { ended, cookie } = run(t, ['sh', '-c', 'sleep 60 & sleep 60'], 200);
  assert.equal(await ended, 'took longer than 200 ms');
  assert.deepEqual(processesWithEnvironment([cookie]), []);
});

test('what a command leaves in its group does not outlive it', { skip: process.platform !== 'linux' }, async (t) => {
  const { ended, cookie } = run(t, ['sh', '-c', 'sleep 60 & exit 1']);
  assert.equal(await ended, 'ended with status 1');
  assert.deepEqual(processesWithEnvironment([cookie]), []);
});
