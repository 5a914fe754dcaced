/** `ims-launch` at a terminal: a pseudo-terminal that script(1) opens. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { choosePlace, configure, fixture, type LaunchPlace, portsHeld } from '../support/launcher.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

const skip =
  spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0 ? false : 'script(1) of bsdutils is missing';

async function startAtTerminal(scope: Scope, place: LaunchPlace, keys = {}): Promise<Program> {
  await configure(place, keys);
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

test('fault 46: Ctrl-C, one press: the children get our TERM and not the terminal’s SIGINT; 130', {
  skip,
}, async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const diary = join(place.directory, 'diary');
  const flags = ['--diary', diary];
  const terminal = await startAtTerminal(scope, place, {
    ims: { command: fixture('sip-stub', '--port', place.sipPort, ...flags) },
    relay: { command: fixture('rtpproxy-stub', '--port', place.relayPort, ...flags) },
  });
  terminal.write('\u0003');
  await terminal.waitForLine(/stopping; Ctrl-C again kills everything/);
  assert.equal((await terminal.waitForExit()).code, 130);
  assert.match(terminal.output, /stop\.done/);
  const got = readFileSync(diary, 'utf8')
    .replaceAll(/ [0-9]+ /g, ' ')
    .split('\n');
  assert.deepEqual(
    got.filter((line) => line !== '' && !line.endsWith('SIGCONT')),
    ['ims SIGTERM', 'relay SIGTERM'],
  );
  await everythingGone(place);
});

test('fault 47: the terminal is closed: everything stops', { skip }, async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const terminal = await startAtTerminal(scope, place);
  const closedAt = performance.now();
  terminal.signal('SIGKILL');
  await terminal.waitForExit();
  await waitFor('nobody left', () => terminal.processes().length === 0, { timeoutMs: 30_000 });
  const tookMs = performance.now() - closedAt;
  assert.ok(tookMs < 9000, `everything was gone after ${Math.round(tookMs)} ms`);
  await everythingGone(place);
});
