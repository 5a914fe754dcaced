/** What relay, IMS and launcher print: whole, bounded, valid and in order, also under readers that stall or leave. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SystemStatus } from '../../src/control/status.ts';
import { MAX_LINE_LENGTH } from '../../src/io/process-lines.ts';
import {
  choosePlace,
  configure,
  eventLine,
  fieldOf,
  fixture,
  type LaunchPlace,
  startLauncher,
} from '../support/launcher.ts';
import { runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { type Streams, startWithStreams } from '../support/streams.ts';
import { processMemory } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

type Keys = Readonly<Record<string, unknown>>;

/** An IMS that runs a line of shell first, and then answers OPTIONS. */
function imsAfter(place: LaunchPlace, shell: string): { command: string[] } {
  const stub = fixture('sip-stub', '--port', place.sipPort)
    .map((word) => `'${word}'`)
    .join(' ');
  return { command: ['sh', '-c', `${shell}\nexec ${stub}`] };
}

async function choose(scope: Scope, keys: (place: LaunchPlace) => Keys): Promise<LaunchPlace> {
  const place = await choosePlace(scope);
  await configure(place, keys(place));
  return place;
}

function ask(scope: Scope, place: LaunchPlace, ...words: string[]): Promise<{ code: number | null; output: string }> {
  const env = { XDG_RUNTIME_DIR: place.directory };
  return runProgram(scope, { name: words[0] ?? '', command: commandOf(place, ...words), cwd: '/', env }, 30_000);
}

function commandOf(place: LaunchPlace, ...words: string[]): [string, ...string[]] {
  return [process.execPath, binary('ims-launch'), ...words, '--config', place.configPath];
}

async function statusOf(scope: Scope, place: LaunchPlace): Promise<SystemStatus> {
  return JSON.parse((await ask(scope, place, 'status', '--json')).output) as SystemStatus;
}

/** Lines that the IMS printed on a stream. */
function linesOf({ log }: Streams, stream: string): { msg: string; cont: boolean; seq: number }[] {
  return log()
    .filter((line) => line['part'] === 'ims' && line['stream'] === stream)
    .map((line) => ({ msg: String(line['msg']), cont: line['cont'] === true, seq: Number(line['seq']) }));
}

test('fault 88: a megabyte without a line end: pieces of at most 16 KiB that say that they go on, nothing lost', async (t) => {
  const scope = openScope(t);
  const place = await choose(scope, (at) => ({
    ims: imsAfter(at, 'head -c 1048576 /dev/zero | tr "\\0" z; echo; echo after'),
  }));
  const run = startWithStreams(scope, place);
  await waitFor('the line after it', () => linesOf(run, 'stdout').some(({ msg }) => msg === 'after'), {
    timeoutMs: 20_000,
  });
  // The program itself says something, too, when it has begun.
  const lines = linesOf(run, 'stdout');
  const pieces = lines.slice(
    0,
    lines.findIndex(({ msg }) => msg === 'after'),
  );
  assert.equal(pieces.map(({ msg }) => msg).join(''), 'z'.repeat(1_048_576));
  assert.ok(pieces.every(({ msg }) => msg.length <= MAX_LINE_LENGTH));
  assert.deepEqual(
    pieces.map(({ cont }) => cont),
    pieces.map((_, index) => index > 0),
  );

  // A pager takes the first 64 KiB, and the rest when somebody scrolls: until then the command waits.
  const { output } = await runProgram(scope, {
    name: 'logs into a pager',
    command: ['sh', '-c', '"$@" | { sleep 1; wc -c; }', 'sh', ...commandOf(place, 'logs', 'ims')],
    cwd: '/',
    env: { XDG_RUNTIME_DIR: place.directory },
  });
  assert.ok(Number(output) > 300_000, output);
});

test('fault 89: both programs print thousands of lines at once: none is torn, each stream is in order, what is left out is counted', async (t) => {
  const scope = openScope(t);
  const count = 12_000;
  const place = await choose(scope, (at) => ({
    ims: imsAfter(at, `seq 1 ${count}; seq 1 3000 >&2; sleep 1.5; echo end; echo end >&2`),
    relay: {
      command: [
        ...['sh', '-c', 'seq 1 3000; exec "$0" "$@"', process.execPath, binary('ims-relay')],
        ...['-f', '-F', '-l', '127.0.0.1', '-s', `udp:127.0.0.1:${at.relayPort}`],
        ...['-m', `${at.minPort}`, '-M', `${at.maxPort}`],
      ],
    },
  }));
  const run = startWithStreams(scope, place);
  const isThere = (stream: string): boolean => linesOf(run, stream).some(({ msg }) => msg === 'end');
  await waitFor('the last line of both streams', () => isThere('stdout') && isThere('stderr'), { timeoutMs: 30_000 });
  const relayed = run.log().filter((line) => line['part'] === 'relay' && line['stream'] === 'stdout');
  for (const lines of [
    linesOf(run, 'stdout'),
    linesOf(run, 'stderr'),
    relayed.map(({ msg }) => ({ msg: String(msg) })),
  ]) {
    const numbers = lines.map(({ msg }) => Number(msg)).filter((number) => number > 0);
    assert.ok(numbers.length > 0);
    assert.deepEqual(
      numbers,
      [...numbers].sort((a, b) => a - b),
    );
  }
  const passed = linesOf(run, 'stdout').filter(({ msg }) => /^[0-9]+$/.test(msg)).length;
  const leftOut = linesOf(run, 'stdout')
    .map(({ msg }) => Number(/^\(([0-9]+) lines left out/.exec(msg)?.[1] ?? 0))
    .reduce((sum, number) => sum + number, 0);
  assert.equal(passed + leftOut, count);
  assert.ok(leftOut > 0, 'more than 5000 in a second');
  const seqs = run.log().flatMap(({ seq }) => (typeof seq === 'number' ? [seq] : []));
  assert.ok(seqs.every((seq, index) => index === 0 || seq > (seqs[index - 1] ?? 0)));
});

test('fault 90: a reader that stalls: probes go on, status answers, memory is bounded, TERM works', async (t) => {
  const scope = openScope(t);
  // Again and again: the stub makes their common standard output non-blocking, and a full one ends `yes`.
  const talk = '(while :; do yes "a line of a program that says a lot" | head -n 3000; sleep 0.1; done) 2>&1 &';
  const place = await choose(scope, (at) => ({ ims: imsAfter(at, talk) }));
  const run = startWithStreams(scope, place, { read: false });
  await waitFor('the system', async () => (await ask(scope, place, 'health')).code === 0, { timeoutMs: 30_000 });
  const start = processMemory(run.child.pid ?? 0);
  // 5000 lines a second of 150 bytes each: the 8 MiB that may wait are full after ten seconds.
  await waitFor('lines that are dropped', async () => (await statusOf(scope, place)).log.dropped > 0, {
    timeoutMs: 60_000,
    intervalMs: 500,
  });
  const { verdict, services } = await statusOf(scope, place);
  assert.equal(verdict, 'ready');
  assert.equal(services.relay.health?.misses, 0);
  const grown = processMemory(run.child.pid ?? 0) - start;
  assert.ok(grown < 150 * 1024 * 1024, `${grown} bytes more`);
  run.child.kill('SIGTERM');
  await waitFor('the end', () => run.child.exitCode !== null, { timeoutMs: 20_000 });
  assert.equal(run.child.exitCode, 0);
});

test('fault 91: nobody reads standard error any more: supervision goes on, the file is written, status says so', async (t) => {
  const scope = openScope(t);
  const place = await choose(scope, (at) => ({
    ims: { command: fixture('sip-stub', '--port', at.sipPort) },
    log: { file: join(at.directory, 'launch.log') },
  }));
  const run = startWithStreams(scope, place, { read: false });
  await waitFor('the system', async () => (await ask(scope, place, 'health')).code === 0, { timeoutMs: 30_000 });
  run.child.stderr?.destroy();
  const { services } = await statusOf(scope, place);
  process.kill(services.relay.pid ?? 0, 'SIGKILL');
  const file = join(place.directory, 'launch.log');
  await waitFor(
    'the restart, in the file',
    () => readFileSync(file, 'utf8').split('"event":"comp.ready"').length === 4,
    {
      timeoutMs: 20_000,
    },
  );
  const { log, verdict } = await statusOf(scope, place);
  assert.equal(verdict, 'ready');
  assert.equal(log.consoleIsGone, true);
  assert.equal(log.file, file);
});

test('fault 92: bytes that are no text, cursor movements and progress bars: valid JSON lines, and nothing that moves a cursor', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const bytes = join(place.directory, 'bytes');
  writeFileSync(
    bytes,
    Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, index) => index)),
      Buffer.from('\n\u001b[2J\u001b[10;10Hjump\u001b[31mred\u001b[0m\n10%\r20%\r100%\r\n\u001b]0;title\u0007t\n'),
    ]),
  );
  await configure(place, { ims: imsAfter(place, `cat '${bytes}'; echo done`) });
  const run = startWithStreams(scope, place);
  await waitFor('the last line', () => linesOf(run, 'stdout').some(({ msg }) => msg === 'done'), { timeoutMs: 20_000 });
  const messages = linesOf(run, 'stdout').map(({ msg }) => msg);
  for (const message of ['jumpred', '10%', '20%', '100%', 't']) {
    assert.ok(messages.includes(message), `${message} in ${JSON.stringify(messages)}`);
  }
  const isControl = (character: string): boolean => (character < ' ' && character !== '\t') || character === '\u007f';
  assert.ok(messages.every((message) => ![...message].some(isControl)));
});

test('fault 93: every line of the log parses: early errors, a command that is not there, a crash of our own', async (t) => {
  const scope = openScope(t);
  const hook = 'if (process.argv[1].endsWith("ims-launch.js")) setTimeout(() => { throw new Error("injected") }, 1500)';
  const runs: readonly { keys: Keys; text?: string; env?: Record<string, string>; code: number }[] = [
    { keys: {}, text: '{ "SERVER_ADDR": ', code: 78 },
    { keys: { SERVER_PORT: 'x' }, code: 78 },
    { keys: { ims: { command: ['no-such-command'] } }, code: 127 },
    { keys: {}, env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` }, code: 70 },
  ];
  for (const { keys, text, env = {}, code } of runs) {
    const place = await choose(scope, () => keys);
    if (text !== undefined) {
      writeFileSync(place.configPath, text);
    }
    const run = startWithStreams(scope, place, { env });
    assert.equal(await run.exited(), code, run.stderr());
    const lines = run.log();
    assert.equal(typeof lines.at(-1)?.['remedy'], 'string');
    assert.ok(
      lines.every(({ level, time, msg }) => typeof level === 'number' && time !== undefined && msg !== undefined),
    );
  }
});

test('fault 94: a secret in environment, command line, USERS or an Authorization header is in no output', async (t) => {
  const scope = openScope(t);
  const secrets = ['env-s3cret', 'argv-s3cret', 'user-s3cret', 'digest-s3cret', 'process-s3cret'];
  const place = await choose(scope, (at) => ({
    LOG_LEVEL: 'TRACE',
    USERS: { '1001': 'user-s3cret' },
    ims: {
      command: [
        ...imsAfter(at, `echo 'Authorization: Digest username="1001", response="digest-s3cret"'`).command,
        ...['--password', 'argv-s3cret'],
      ],
      env: { DB_PASSWORD: 'env-s3cret' },
    },
    log: { file: join(at.directory, 'launch.log') },
  }));
  const launcher = startLauncher(scope, place, { env: { API_TOKEN: 'process-s3cret' } });
  await launcher.waitForLine(eventLine('comp.ready', 'ims'), 20_000);
  writeFileSync(place.configPath, readFileSync(place.configPath, 'utf8').replace('user-s3cret', 'other-s3cret'));
  await launcher.waitForLine(/USERS/, 20_000);
  launcher.signal('SIGUSR1');
  await launcher.waitForLine(eventLine('launch.status'));
  const told = [launcher.output, readFileSync(join(place.directory, 'launch.log'), 'utf8')];
  for (const words of [['status'], ['status', '--json'], ['events'], ['logs'], ['logs', '--json']]) {
    told.push((await ask(scope, place, ...words)).output);
  }
  for (const secret of [...secrets, 'other-s3cret']) {
    assert.ok(
      told.every((text) => !text.includes(secret)),
      secret,
    );
  }
  assert.match(launcher.output, /Authorization: …/);
});

test('fault 95: the last line before a SIGKILL, and our own before the exit, are there', async (t) => {
  const scope = openScope(t);
  const place = await choose(scope, (at) => ({
    ims: { command: ['sh', '-c', 'echo "last words"; printf "no line end"; kill -9 $$'] },
    log: { file: join(at.directory, 'launch.log') },
  }));
  const launcher = startLauncher(scope, place);
  assert.equal((await launcher.waitForExit()).code, 137);
  const file = readFileSync(join(place.directory, 'launch.log'), 'utf8');
  for (const text of [launcher.output, file]) {
    assert.equal(text.split('"msg":"last words"').length - 1, 3, 'one each try');
    assert.equal(text.split('"msg":"no line end"').length - 1, 3);
    assert.match(text, eventLine('stop.done'));
  }
});

test('fault 24: a crash shows the last lines of that incarnation, how it ended, which restart this is and when the next comes', async (t) => {
  const scope = openScope(t);
  const place = await choose(scope, () => ({
    ims: { command: ['sh', '-c', 'seq 1 60; echo "cannot open the database" >&2; exit 3'] },
  }));
  const launcher = startLauncher(scope, place);
  assert.equal((await launcher.waitForExit()).code, 3);
  const shown = launcher.output
    .split('\n')
    .filter((line) => eventLine('comp.postmortem', 'ims').test(line))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(shown.length, 3);
  const [first] = shown;
  const expected = [...Array.from({ length: 49 }, (_, index) => `${index + 12}`), 'cannot open the database'];
  assert.ok(first);
  assert.deepEqual([...(first['lines'] as string[])].sort(), [...expected].sort());
  assert.deepEqual([first['exitCode'], first['attempt'], first['limit']], [3, 1, 3]);
  assert.ok(Number(first['delayMs']) > 0 && Number(first['durationMs']) >= 0);
  assert.equal(shown.at(-1)?.['delayMs'], undefined, 'there is no next one');
});

test('a long wait says what it waits for, and for how long', async (t) => {
  const scope = openScope(t);
  const place = await choose(scope, (at) => ({
    ims: { command: fixture('sip-stub', '--port', at.sipPort, '--deaf'), startTimeoutMs: 60_000 },
  }));
  const launcher = startLauncher(scope, place);
  const line = await launcher.waitForLine(eventLine('launch.waiting'), 20_000);
  assert.match(String(fieldOf(line, 'reason')), /^the IMS to be ready, [0-9]+ s of 60 s: .*answer/);
});
