import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { logLevelOf } from '../../../src/observe/level.ts';

const LOGGER = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'src', 'observe', 'logger.js');

/** Runs a few statements with a logger in a process of their own, and returns what it wrote. */
function logged(statements: string, options: Record<string, unknown> = {}): { stdout: string; status: number | null } {
  const settings = { part: 'launch', level: 'info', format: 'auto', fd: 1, isTty: false, ...options };
  const program = `import { openLogger } from ${JSON.stringify(pathToFileURL(LOGGER).href)};
    const log = openLogger(${JSON.stringify(settings)});
    ${statements}`;
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { stdout, status };
}

test('not on a terminal: one JSON object a line, fields and a constant sentence', () => {
  const { stdout } = logged("log.info({ callId: 'a@b', localPort: 10000 }, 'session created');");
  const line = JSON.parse(stdout) as Record<string, unknown>;
  assert.deepEqual(
    [line['part'], line['callId'], line['localPort'], line['msg']],
    ['launch', 'a@b', 10000, 'session created'],
  );
  assert.match(String(line['time']), /^\d{4}-\d\d-\d\dT/);
});

test('the last line before the process ends is not lost', () => {
  const { stdout } = logged("log.warn({}, 'last words'); log.flush(); process.exit(3);");
  assert.match(stdout, /last words/);
});

test('on a terminal, too, the last line is not lost', () => {
  const { stdout } = logged("log.warn({}, 'last words'); log.flush(); process.exit(3);", { format: 'pretty' });
  assert.match(stdout, /last words/);
});

test('lines below the level are not written; a child logger keeps its fields', () => {
  const { stdout } = logged("log.debug({}, 'hidden'); log.child({ callId: 'c' }).error({}, 'shown');");
  assert.doesNotMatch(stdout, /hidden/);
  assert.match(stdout, /"callId":"c".*shown/);
});

test('on a terminal: text, with control characters of a peer made harmless', () => {
  const { stdout } = logged("log.info({ callId: 'x\\u001b[2J' }, 'session created');", { format: 'pretty' });
  assert.match(stdout, /launch \| session created/);
  assert.ok(!stdout.includes('\u001b'));
});

test('every name of a level that a user may know is understood', () => {
  assert.deepEqual(['ERR', 'Error', 'WARNING', 'dbug', 'CRIT'].map(logLevelOf), [
    'error',
    'error',
    'warn',
    'debug',
    'error',
  ]);
  assert.equal(logLevelOf('loud'), undefined);
});
