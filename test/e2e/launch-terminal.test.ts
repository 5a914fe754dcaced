/** `ims-launch` at a terminal: a pseudo-terminal that script(1) opens. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  choosePlace,
  configure,
  eventLine,
  fixture,
  type LaunchPlace,
  portsHeld,
  startLauncher,
} from '../support/launcher.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

const skip =
  spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0 ? false : 'script(1) of bsdutils is missing';

function atTerminal(scope: Scope, place: LaunchPlace, words: readonly string[]): Program {
  const command = ['exec', process.execPath, binary('ims-launch'), ...words, '--config', place.configPath].join(' ');
  return Program.start(scope, {
    name: 'terminal',
    command: ['script', '--quiet', '--flush', '--return', '--command', command, '/dev/null'],
    cwd: place.directory,
    // As `startLauncher` has it: a command finds the launcher.
    env: { NO_COLOR: '1', XDG_RUNTIME_DIR: place.directory },
  });
}

async function startAtTerminal(scope: Scope, place: LaunchPlace, keys = {}): Promise<Program> {
  await configure(place, keys);
  const terminal = atTerminal(scope, place, []);
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

test('who waits at a terminal sees what for, on one line that is gone in the end', { skip }, async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { ims: { command: fixture('sip-stub', '--port', 9, '--deaf') } });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(eventLine('ims.spawn'));
  const waiting = atTerminal(scope, place, ['wait', '--timeout', '5']);
  assert.equal((await waiting.waitForExit()).code, 2, waiting.output);
  const lines = waiting.output.split('\r\u001b[K');
  assert.match(lines[1] ?? '', /^waiting for the IMS to be ready, \d+ s of 60 s: \S/);
  assert.match(lines.at(-1) ?? '', /^ims-launch: not ready in time/);
  launcher.signal('SIGTERM');
  assert.equal((await launcher.waitForExit()).code, 0);
});
