import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readableLine } from '../../../src/observe/readable-line.ts';

test('a line of our own programs is a sentence and its fields; any other stays as it is', () => {
  const line = '{"level":40,"time":"x","pid":7,"part":"ims","callId":"a@b","msg":"peer misbehaves"}';
  assert.equal(readableLine(line), 'WARN peer misbehaves {"callId":"a@b"}');
  assert.equal(readableLine('{"level":30,"part":"relay","msg":"relay ready"}'), 'relay ready');
  for (const other of ['hello', '{"msg":"of another program"}', '{broken', '']) {
    assert.equal(readableLine(other), other);
  }
});
