import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  LineLimit,
  LineSplitter,
  MAX_LINE_LENGTH,
  MAX_LINES_PER_SECOND,
  withColoursClosed,
  withoutColours,
} from '../../../src/io/process-lines.ts';

function split(chunks: readonly Uint8Array[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) {
    splitter.push(chunk);
  }
  splitter.end();
  return lines;
}

test('LF, CR LF and a lone CR end a line; what is left at the end is one, too', () => {
  assert.deepEqual(split([Buffer.from('a\nb\r\n10%\r20%\rlast')]), ['a', 'b', '10%', '20%', 'last']);
});

test('a CR at the end of a chunk waits for its LF', () => {
  assert.deepEqual(split([Buffer.from('a\r'), Buffer.from('\nb\n')]), ['a', 'b']);
});

test('a character cut by a chunk is joined, and bytes that are no UTF-8 are replaced', () => {
  const euro = Buffer.from('€\n');
  assert.deepEqual(split([euro.subarray(0, 1), euro.subarray(1)]), ['€']);
  assert.deepEqual(split([Buffer.from([0xff, 0x41, 0x0a])]), ['\ufffdA']);
});

test('cursor movements, titles and other control characters are taken out; colours can be', () => {
  const [line = ''] = split([Buffer.from('\u001b[31mred\u001b[0m \u001b]0;title\u0007x\u001b[2J\u0008\ty\n')]);
  assert.equal(line, '\u001b[31mred\u001b[0m x\ty');
  assert.equal(withoutColours(line), 'red x\ty');
  assert.equal(withColoursClosed('\u001b[31mred'), '\u001b[31mred\u001b[0m');
  assert.equal(withColoursClosed('plain'), 'plain');
});

test('a flood without a line end is cut into bounded pieces, and nothing is lost', () => {
  const lines = split(Array.from({ length: 64 }, () => Buffer.alloc(16_384, 'z')));
  assert.ok(lines.every((line) => line.length <= MAX_LINE_LENGTH));
  assert.equal(lines.join('').length, 64 * 16_384);
});

test('a piece that goes on where the one before ended says so: after a cut, and after a pause', () => {
  const seen: [string, boolean][] = [];
  const splitter = new LineSplitter((line, continued) => seen.push([line, continued]));
  splitter.push(Buffer.from('Password: '));
  assert.ok(splitter.waits);
  splitter.flush();
  splitter.push(Buffer.from('accepted\nnext\n'));
  splitter.push(Buffer.from('half'));
  splitter.flush();
  splitter.push(Buffer.from('\n\n'));
  splitter.push(Buffer.alloc(MAX_LINE_LENGTH + 1, 'x'));
  splitter.push(Buffer.from('\nlast'));
  splitter.end();
  assert.deepEqual(
    seen.map(([line, continued]) => [line.slice(0, 10), continued]),
    [
      ['Password: ', false],
      ['accepted', true],
      ['next', false],
      ['half', false],
      ['', false],
      ['xxxxxxxxxx', false],
      ['x', true],
      ['last', false],
    ],
  );
});

test('no bytes, however they are cut, make it throw or give a line with a line end in it', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (chunks) => {
      for (const line of split(chunks)) {
        assert.ok(
          ![...withoutColours(line)].some((character) => character < ' ' && character !== '\t'),
          JSON.stringify(line),
        );
      }
    }),
  );
});

test('how the text is cut into chunks does not change the lines', () => {
  fc.assert(
    fc.property(fc.string(), fc.array(fc.nat(40), { maxLength: 8 }), (text, cuts) => {
      const bytes = Buffer.from(text);
      const offsets = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const chunks = offsets.slice(1).map((end, index) => bytes.subarray(offsets[index], end));
      assert.deepEqual(split(chunks), split([bytes]));
    }),
  );
});

test('a program may print so many lines a second; the rest is counted and told with the next second', () => {
  const limit = new LineLimit();
  const second = (now: number, lines: number) => Array.from({ length: lines }, () => limit.admit(now));
  assert.ok(second(0, MAX_LINES_PER_SECOND).every(({ passes }) => passes));
  assert.ok(second(999, 3).every(({ passes }) => !passes));
  assert.deepEqual(limit.admit(1000), { passes: true, leftOut: 3 });
  assert.deepEqual(limit.admit(2500), { passes: true, leftOut: 0 });
});
