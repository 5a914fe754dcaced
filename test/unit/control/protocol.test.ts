import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BoundedLines } from '../../../src/control/lines.ts';
import {
  type ControlRequest,
  formatAnswer,
  formatItem,
  formatRequest,
  parseMessage,
  parseRequest,
} from '../../../src/control/protocol.ts';

const REQUESTS: readonly ControlRequest[] = [
  { verb: 'status' },
  { verb: 'health' },
  { verb: 'stop' },
  { verb: 'kill' },
  { verb: 'reload' },
  { verb: 'calls' },
  { verb: 'trace', call: 'a@b' },
  { verb: 'capture', capture: 'one-1', call: undefined, after: undefined, end: false },
  { verb: 'capture', capture: 'one-1', call: 'a@b', after: 12, end: true },
  { verb: 'restart', service: 'relay' },
  { verb: 'drain', limitMs: 1000 },
  { verb: 'drain', limitMs: undefined },
  { verb: 'wait', for: 'ready', timeoutMs: 5000 },
  { verb: 'events', follow: true },
  { verb: 'logs', follow: false, service: 'ims' },
  { verb: 'logs', follow: true, service: undefined },
];

/** The error code that a line is answered with. */
function errorOf(line: string): string | undefined {
  const { request } = parseRequest(line);
  return request.ok ? undefined : request.error.code;
}

test('every request survives its line', () => {
  for (const request of REQUESTS) {
    assert.deepEqual(parseRequest(formatRequest(7, request)), { id: 7, request: { ok: true, value: request } });
  }
});

test('what a person types by hand is enough', () => {
  assert.deepEqual(parseRequest('{"verb":"status"}'), { id: null, request: { ok: true, value: { verb: 'status' } } });
});

test('what is no request is answered with a code, and with its id', () => {
  assert.equal(errorOf('status'), 'bad-json');
  assert.equal(errorOf('[1]'), 'bad-json');
  assert.equal(errorOf('null'), 'bad-json');
  assert.equal(errorOf('{"verb":"reboot"}'), 'unknown-verb');
  assert.equal(errorOf('{"verb":"drain","maxMs":1000}'), 'bad-request', 'a misspelt limit is not no limit');
  assert.equal(errorOf('{"verb":"toString"}'), 'unknown-verb');
  assert.equal(errorOf('{"verb":["status"]}'), 'unknown-verb');
  assert.equal(errorOf('{"v":2,"verb":"status"}'), 'unsupported-version');
  assert.equal(errorOf('{"verb":"restart"}'), 'bad-request');
  assert.equal(errorOf('{"verb":"restart","service":"sshd"}'), 'bad-request');
  assert.equal(errorOf('{"verb":"logs","service":7}'), 'bad-request');
  assert.equal(errorOf('{"verb":"wait","for":"godot"}'), 'bad-request');
  assert.equal(errorOf('{"verb":"capture"}'), 'bad-request');
  assert.equal(errorOf('{"verb":"capture","capture":"../x"}'), 'bad-request');
  assert.equal(errorOf('{"verb":"capture","capture":"x","after":1.5}'), 'bad-request');
  assert.equal(errorOf('{"verb":"capture","capture":"x","end":1}'), 'bad-request');
  assert.equal(errorOf('{"verb":"wait","timeoutMs":-1}'), 'bad-request');
  assert.equal(errorOf('{"verb":"drain","limitMs":1e300}'), 'bad-request');
  assert.equal(parseRequest('{"id":"a","verb":"reboot"}').id, 'a');
});

test('no line makes the parsers throw', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.object().map((object) => JSON.stringify(object)),
      ),
      (line) => {
        parseRequest(line);
        parseMessage(line);
      },
    ),
  );
});

test('answers and items survive their lines; other versions and other things are none', () => {
  const error = { code: 'refused', message: 'no' } as const;
  assert.deepEqual(parseMessage(formatAnswer(1, { ok: true, result: { a: 1 } })), {
    id: 1,
    kind: 'answer',
    answer: { ok: true, result: { a: 1 } },
  });
  assert.deepEqual(parseMessage(formatAnswer('x', { ok: false, error })), {
    id: 'x',
    kind: 'answer',
    answer: { ok: false, error },
  });
  assert.deepEqual(parseMessage(formatItem(2, [1])), { id: 2, kind: 'item', item: [1] });
  assert.equal(parseMessage('{"v":2,"id":1,"ok":true}'), undefined);
  assert.equal(parseMessage('HTTP/1.1 200 OK'), undefined);
  assert.equal(parseMessage('{"v":1,"id":1,"ok":false,"error":7}'), undefined);
});

test('lines come out whole wherever the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.string().map((text) => text.replaceAll(/[\r\n]/g, ''))), fc.nat(), (texts, seed) => {
      const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
      const lines = new BoundedLines(1 << 20);
      const found: string[] = [];
      const step = 1 + (seed % 7);
      for (let from = 0; from < bytes.length; from += step) {
        found.push(...lines.push(bytes.subarray(from, from + step)).lines);
      }
      assert.deepEqual(found, texts.map(wellFormed));
    }),
  );
});

test('a line that is too long is told, and those before it are not lost', () => {
  const lines = new BoundedLines(4);
  assert.deepEqual(lines.push(Buffer.from('ab\r\n12345\n')), { lines: ['ab'], overflow: true });
  const slow = new BoundedLines(4);
  assert.equal(slow.push(Buffer.from('123')).overflow, false);
  assert.equal(slow.push(Buffer.from('45')).overflow, true);
});

/** As UTF-8 has it: a lone surrogate is not text. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}
