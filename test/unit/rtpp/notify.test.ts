import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeNotifyTag, formatNotifyTarget, parseNotifyTarget, sameNotifyTarget } from '../../../src/rtpp/notify.ts';

test('a notify target is a unix path, an IPv4 address with a port, or the sender of the command', () => {
  const rows = {
    'unix:/run/a.sock': 'unix:/run/a.sock',
    '/run/a.sock': 'unix:/run/a.sock',
    'foo:bar': 'unix:foo:bar',
    'tcp:127.0.0.1:9999': 'tcp:127.0.0.1:9999',
    'tcp:%%CC_SELF%%:9': 'tcp:%%CC_SELF%%:9',
  };
  for (const [text, name] of Object.entries(rows)) {
    const target = parseNotifyTarget(text);
    assert.ok(target.ok, text);
    assert.equal(formatNotifyTarget(target.value), name);
  }
  for (const text of ['', 'unix:', 'tcp:', 'tcp:127.0.0.1', 'tcp:host:1', 'tcp:127.0.0.1:0', 'tcp:127.0.0.1:65536']) {
    assert.equal(parseNotifyTarget(text).ok, false, text);
  }
});

test('a bare path is the same target as with unix:', () => {
  const [one, other] = [parseNotifyTarget('/a'), parseNotifyTarget('unix:/a')];
  assert.ok(one.ok && other.ok && sameNotifyTarget(one.value, other.value));
});

test('a notify tag is URL-decoded, and a bad escape is E10', () => {
  assert.deepEqual(decodeNotifyTag('a%20b+c'), { ok: true, value: 'a b c' });
  assert.deepEqual(decodeNotifyTag('tag%2'), { ok: false, error: 10 });
  assert.deepEqual(decodeNotifyTag('%zz'), { ok: false, error: 10 });
});
