import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logChildLine, withoutSecretArguments, withoutSecrets } from '../../../../src/app/launch/output.ts';
import type { Log } from '../../../../src/observe/log.ts';

function record(line: string): unknown[] {
  const seen: unknown[] = [];
  const at =
    (level: string) =>
    (fields: object, sentence: string): void => {
      seen.push(level, fields, sentence);
    };
  const log = {
    ...Object.fromEntries(['error', 'warn', 'info', 'debug', 'trace'].map((level) => [level, at(level)])),
  } as unknown as Log;
  logChildLine(log, { stream: 'stderr', text: line, seq: 7, continued: false });
  return seen;
}

test('a line of our own programs keeps level, sentence and fields', () => {
  const line = '{"level":40,"time":"x","pid":7,"part":"ims","callId":"a@b","msg":"peer misbehaves"}';
  assert.deepEqual(record(line), ['warn', { seq: 7, callId: 'a@b' }, 'peer misbehaves']);
});

test('any other line is a sentence that says where it came from', () => {
  for (const line of ['hello', '{"json":"of another kind"}', '{broken', '[]']) {
    assert.deepEqual(record(line), ['info', { stream: 'stderr', seq: 7 }, line]);
  }
});

test('the JSON of another program keeps its level and sentence, and is kept whole', () => {
  const line = '{"level":"warning","message":"trunk down","trunk":"a"}';
  assert.deepEqual(record(line), [
    'warn',
    { stream: 'stderr', seq: 7, json: { level: 'warning', message: 'trunk down', trunk: 'a' } },
    'trunk down',
  ]);
});

test('a command line is shown without its secrets', () => {
  const argv = ['ims', '--db-password', 'x1', '--token=x2', 'API_KEY=x3', '--listen', '127.0.0.1', '-f', 'a=b'];
  assert.deepEqual(withoutSecretArguments(argv), [
    ...['ims', '--db-password', '…', '--token=…', 'API_KEY=…', '--listen', '127.0.0.1', '-f', 'a=b'],
  ]);
});

test('empty lines are left out', () => {
  assert.deepEqual(record('  '), []);
});

test('credentials are cut out of a line, and JSON stays JSON', () => {
  const header = 'Authorization: Digest username="1001", response="0123"';
  assert.equal(withoutSecrets(`Proxy-${header}`), 'Proxy-Authorization: …');
  const json = JSON.stringify({
    level: 20,
    msg: `REGISTER\r\n${header}\r\nTo: <sip:1001@x>`,
    authorization: 'Basic eA==',
  });
  const clean = JSON.parse(withoutSecrets(json)) as Record<string, unknown>;
  assert.equal(clean['msg'], 'REGISTER\r\nAuthorization: …\r\nTo: <sip:1001@x>');
  assert.equal(clean['authorization'], '…');
  assert.equal(withoutSecrets('nothing to hide'), 'nothing to hide');
});
