import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LogSink } from '../../../src/observe/log-sink.ts';

/** Both ends of a named pipe, so that the test decides when the reader reads, stalls or leaves. */
async function openPipe(t: TestContext): Promise<{ reader: number; writer: number }> {
  const directory = await mkdtemp(join(tmpdir(), 'ims-sink-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  return { reader, writer };
}

function readAll(fd: number): string {
  const parts: string[] = [];
  const buffer = Buffer.alloc(65_536);
  for (;;) {
    try {
      const count = readSync(fd, buffer);
      if (count === 0) {
        break;
      }
      parts.push(buffer.toString('utf8', 0, count));
    } catch {
      break;
    }
  }
  return parts.join('');
}

test('lines arrive whole and in order, by themselves or at the flush', async (t) => {
  const { reader, writer } = await openPipe(t);
  t.after(() => [reader, writer].forEach(closeSync));
  const sink = new LogSink(writer, 1_000_000);
  const lines = Array.from({ length: 500 }, (_, index) => `line ${index} ${'x'.repeat(index % 90)}\n`);
  for (const line of lines.slice(0, 400)) {
    sink.write(line);
  }
  await new Promise(setImmediate);
  for (const line of lines.slice(400)) {
    sink.write(line);
  }
  await sink.settled();
  sink.flush();
  assert.equal(readAll(reader), lines.join(''));
  assert.equal(sink.dropped, 0);
});

test('a reader that is gone costs the lines, not the exit', async (t) => {
  const { reader, writer } = await openPipe(t);
  t.after(() => closeSync(writer));
  closeSync(reader);
  const sink = new LogSink(writer, 1000);
  sink.write('first\n');
  sink.flush();
  sink.write('second\n');
  sink.flush();
  assert.equal(sink.dropped, 2);
});

test('a reader that stalls costs lines beyond the limit, and a short time at the end', async (t) => {
  const { reader, writer } = await openPipe(t);
  t.after(() => [reader, writer].forEach(closeSync));
  const sink = new LogSink(writer, 200_000);
  for (let index = 0; index < 1000; index++) {
    sink.write(`${'y'.repeat(999)}\n`);
  }
  assert.equal(sink.dropped, 800);
  const before = performance.now();
  sink.flush();
  assert.ok(performance.now() - before < 3000);
  const { length } = readAll(reader);
  assert.ok(length > 60_000 && length <= 65_536, `${length}: what the pipe holds`);
});

test('a file takes everything', async (t) => {
  const path = join(tmpdir(), `ims-sink-${process.pid}.log`);
  t.after(() => rmSync(path));
  const fd = openSync(path, 'w');
  t.after(() => closeSync(fd));
  const sink = new LogSink(fd, 1_000_000);
  sink.write('a\n');
  sink.write('b\n');
  sink.flush();
  assert.equal(readFileSync(path, 'utf8'), 'a\nb\n');
});
