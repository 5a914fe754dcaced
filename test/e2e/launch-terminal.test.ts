/** `ims-launch` at a terminal: a pseudo-terminal that script(1) opens. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { choosePlace, configure, type LaunchPlace, portsHeld } from '../support/launcher.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

const skip =
  spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0 ? false : 'script(1) of bsdutils is missing';

async function startAtTerminal(scope: Scope, place: LaunchPlace): Promise<Program> {
  await configure(place);
  const command = `exec ${process.execPath} ${binary('ims-launch')} --config ${place.configPath}`;
  const terminal = Program.start(scope, {
    name: 'terminal',
    command: ['script', '--quiet', '--flush', '--return', '--command', command, '/dev/null'],
    cwd: place.directory,
    env: { NO_COLOR: '1' },
  });
  await terminal.waitForLine(READY_LINE);
  return terminal;
}

async function everythingGone(place: LaunchPlace): Promise<void> {
  await waitFor('free ports', () => portsHeld(place).length === 0);
}

test('at a terminal the log is text', { skip }, async (t: TestContext) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const terminal = await startAtTerminal(scope, place);
  await terminal.waitForLine(/^\[\d\d:\d\d:\d\d\.\d+\] INFO: launch \| the system is up/);
});

test('Ctrl-C is pressed: the children are asked in order, none gets the terminal’s SIGINT', { skip }, async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const terminal = await startAtTerminal(scope, place);
  terminal.write('\u0003');
  await terminal.waitForLine(/stopping; Ctrl-C again kills everything/);
  assert.equal((await terminal.waitForExit()).code, 130);
  assert.match(terminal.output, /stop\.done/);
  assert.doesNotMatch(terminal.output, /signal received/, 'no child saw a signal');
  await everythingGone(place);
});

test('the terminal is closed: everything stops', { skip }, async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const terminal = await startAtTerminal(scope, place);
  terminal.signal('SIGKILL');
  await terminal.waitForExit();
  await everythingGone(place);
});
