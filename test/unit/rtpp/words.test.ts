import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCommandLine } from '../../../src/rtpp/command-line.ts';
import { ECODES } from '../../../src/rtpp/ecodes.ts';
import { splitCommand, splitCookie } from '../../../src/rtpp/words.ts';

function ecodeOf(text: string): number | undefined {
  const line = parseCommandLine(text);
  return line.ok ? undefined : line.error;
}

test('runs of space, tab, CR and LF separate words', () => {
  assert.deepEqual(splitCommand(' U\t c1\r\n  a '), { ok: true, value: [['U', 'c1', 'a']] });
});

test('only a word that is exactly && separates subcommands', () => {
  assert.deepEqual(splitCommand('U a&&b && D'), { ok: true, value: [['U', 'a&&b'], ['D']] });
});

test('an empty command or subcommand, 24 words, 16 subcommands and a NUL are E5', () => {
  for (const text of ['', '   ', '&& D', 'V &&', 'U && && D', `G${' x'.repeat(23)}`, `U${' && D'.repeat(16)}`, 'U\0']) {
    assert.equal(splitCommand(text).ok, false, JSON.stringify(text));
  }
  assert.equal(splitCommand(`G${' x'.repeat(22)}`).ok, true);
  assert.equal(splitCommand(`U${' && D'.repeat(15)}`).ok, true);
});

test('the first word of a datagram is its cookie, also when nothing follows', () => {
  assert.deepEqual(splitCookie('  c1 V\n'), { cookie: 'c1', command: ' V\n' });
  assert.deepEqual(splitCookie('V'), { cookie: 'V', command: '' });
  assert.equal(splitCookie(' \t\r\n'), undefined);
});

test('checks come in the order words, verb, count, modifiers, subcommands', () => {
  assert.equal(ecodeOf('Zz &&'), 5);
  assert.equal(ecodeOf('Zz a b'), 0);
  assert.equal(ecodeOf('Vx y && D'), 1);
  assert.equal(ecodeOf('Vx && D'), 2);
  assert.equal(ecodeOf('V && D'), 3);
});

test('VF is a verb of its own, and letters after it are modifiers', () => {
  const line = parseCommandLine('vf 20050322');
  assert.ok(line.ok && line.value.verb.letter === 'VF');
  assert.equal(ecodeOf('VFx 20050322'), 2);
  assert.equal(ecodeOf('Vx'), 2);
});

test('any text parses to a command or to a code of the table', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      const line = parseCommandLine(text);
      assert.ok(line.ok || line.error in ECODES);
      const split = splitCookie(text);
      assert.ok(split === undefined || split.cookie.length > 0);
    }),
  );
});
