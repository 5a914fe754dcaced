import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseJson } from '../../../src/config/json.ts';

const mistakes: readonly [text: string, line: number, column: number, found: RegExp][] = [
  ['', 1, 1, /file ends/],
  ['abc', 1, 1, /"a" where a value/],
  ['{"a":}', 1, 6, /"}" where a value/],
  ['{"a":1,}', 1, 8, /a key in double quotes/],
  ['{\n  "a": 1\n  "b": 2\n}', 3, 3, /"," or "}"/],
  ['[1,2', 1, 5, /file ends where "," or "\]"/],
  ['{"a" 1}', 1, 6, /":" was expected/],
  ["{'a':1}", 1, 2, /a key in double quotes/],
  ['{"a":1}x', 1, 8, /end of the file/],
  ['{"a":01}', 1, 7, /"1" where/],
];

for (const [text, line, column, found] of mistakes) {
  test(`names line ${line}, column ${column} of ${JSON.stringify(text)}`, () => {
    const parsed = parseJson(text);
    assert.ok(!parsed.ok);
    assert.deepEqual([parsed.error.line, parsed.error.column], [line, column]);
    assert.match(parsed.error.found, found);
  });
}

test('a byte order mark is no mistake', () => {
  assert.deepEqual(parseJson('\uFEFF{"a":1}'), { ok: true, value: { a: 1 } });
});

test('agrees with JSON.parse on what is valid, and never throws', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.stringMatching(/^[[\]{}",:0-9a-z\\ .-]*$/)), (text) => {
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      assert.equal(parseJson(text).ok, valid);
    }),
  );
});

test('depth does not overflow the stack', () => {
  assert.ok(!parseJson('['.repeat(200_000)).ok);
});
