import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { Program, runProgram } from '../../support/program.ts';
import { createScope, openScope } from '../../support/scope.ts';
import { waitFor } from '../../support/wait.ts';

const node = process.execPath;

test('waitForLine finds a line that was printed before, and one that comes later', async (t) => {
  const scope = openScope(t);
  const source = "console.log('early'); process.stdin.once('data', (text) => console.log('got ' + text));";
  const program = Program.start(scope, { command: [node, '-e', source] });
  await program.waitForLine(/^early$/);
  assert.equal(await program.waitForLine(/^early$/), 'early');
  program.write('late\n');
  assert.equal(await program.waitForLine(/^got/), 'got late');
});

test('waitForLine fails at once when the program ends without the line, and shows what it printed', async (t) => {
  const program = Program.start(openScope(t), { command: [node, '-e', "console.error('no such thing')"] });
  await assert.rejects(program.waitForLine(/ready/), /ended \(0\) without a line like \/ready\/:\nno such thing/);
});

test('a program that cannot be started ends with 127', async (t) => {
  const { code, output } = await runProgram(openScope(t), { command: ['/no/such/program'] });
  assert.equal(code, 127);
  assert.match(output, /ENOENT/);
});

test('a child that outlives its program fails the test, and does not live on', async () => {
  const { scope, close } = createScope();
  const child = `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' }).unref()`;
  const { code } = await runProgram(scope, { command: [node, '-e', child] });
  assert.equal(code, 0);
  let survivor = '';
  await assert.rejects(close(), (error: Error) => {
    survivor = /left processes behind:\n(\d+) .*setInterval/.exec(error.message)?.[1] ?? '';
    return survivor !== '';
  });
  await waitFor('the end of the survivor', () => !existsSync(`/proc/${survivor}`));
});
