/** The log in a file: rotated by size, reopened after SIGUSR2, and no harm from a full disk. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { choosePlace, configure, eventLine, fixture, startLauncher } from '../support/launcher.ts';
import { peersPresent } from '../support/peers.ts';
import { openScope } from '../support/scope.ts';
import { waitFor } from '../support/wait.ts';

function seqsOf(...files: readonly string[]): number[] {
  return files
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { seq?: number }).seq ?? 0)
    .filter((seq) => seq > 0)
    .sort((a, b) => a - b);
}

test('fault 96: the file is moved, SIGUSR2: a new one, and no line is lost between them', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const file = join(place.directory, 'launch.log');
  const shell = 'i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo "line $i"; sleep 0.01; done; exec "$@"';
  await configure(place, {
    ims: { command: ['sh', '-c', shell, 'sh', ...fixture('sip-stub', '--port', place.sipPort)] },
    log: { file },
  });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(/"line 50"/, 20_000);
  renameSync(file, `${file}.moved`);
  launcher.signal('SIGUSR2');
  await launcher.waitForLine(eventLine('launch.status'));
  await launcher.waitForLine(/"line 400"/, 30_000);
  await waitFor('the last line in the new file', () => readFileSync(file, 'utf8').includes('"line 400"'));
  assert.match(readFileSync(`${file}.moved`, 'utf8'), /"line 50"/);
  const seqs = seqsOf(`${file}.moved`, file);
  assert.deepEqual(
    seqs,
    seqs.map((_, index) => index + 1),
  );
  assert.ok(seqs.length >= 400);
});

test('fault 96: a full disk costs lines of the file and one error; the console goes on', async (t) => {
  if (!peersPresent(t, 'root')) return;
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const disk = join(place.directory, 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
  scope.defer(() => {
    execFileSync('umount', ['-l', disk]);
  });
  await configure(place, {
    ims: { command: ['sh', '-c', 'seq 1 4000; exec "$@"', 'sh', ...fixture('sip-stub', '--port', place.sipPort)] },
    log: { file: join(disk, 'launch.log') },
  });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(/the log file cannot be written/, 20_000);
  await launcher.waitForLine(eventLine('comp.ready', 'ims'), 20_000);
  assert.match(launcher.output, /"msg":"4000"/);
  assert.equal(launcher.output.split('the log file cannot be written').length - 1, 1);
});

test('a file that is full gets a number, and the oldest goes', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const logs = join(place.directory, 'logs');
  mkdirSync(logs);
  await configure(place, {
    ims: { command: ['sh', '-c', 'seq 1 4000; exec "$@"', 'sh', ...fixture('sip-stub', '--port', place.sipPort)] },
    log: { file: join(logs, 'launch.log'), maxSizeBytes: 65_536, maxFiles: 2 },
  });
  const launcher = startLauncher(scope, place);
  await launcher.waitForLine(eventLine('comp.ready', 'ims'), 20_000);
  await waitFor('three files', () => readdirSync(logs).length === 3);
  assert.deepEqual(readdirSync(logs).sort(), ['launch.log', 'launch.log.1', 'launch.log.2']);
  for (const name of readdirSync(logs)) {
    assert.ok(statSync(join(logs, name)).size <= 65_536);
  }
  const seqs = seqsOf(...readdirSync(logs).map((name) => join(logs, name)));
  assert.deepEqual(
    seqs,
    seqs.map((_, index) => (seqs[0] ?? 0) + index),
    'no line is lost between files',
  );
});

test('a log file that cannot be opened, or is a pipe, is a mistake of the configuration: 78, and nothing was started', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { log: { file: '/nonexistent/launch.log' } });
  const launcher = startLauncher(scope, place);
  assert.equal((await launcher.waitForExit()).code, 78);
  assert.match(launcher.output, /log\.file: cannot open \/nonexistent\/launch\.log/);
  assert.ok(!existsSync('/nonexistent'));

  const pipe = join(place.directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await configure(place, { log: { file: pipe } });
  const other = startLauncher(scope, place);
  assert.equal((await other.waitForExit()).code, 78);
  assert.match(other.output, /log\.file: cannot open .*pipe/);
});
