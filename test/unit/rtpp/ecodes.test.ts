import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeEcode, ECODES, formatEcode } from '../../../src/rtpp/ecodes.ts';
import { projectRoot } from '../../support/project.ts';
import { readTranscripts } from '../../support/rtpp-transcript.ts';

/** What no row of a transcript can bring about, and where it is shown instead. */
const SHOWN_ELSEWHERE: Readonly<Record<number, string>> = {
  32: 'test/sim/relay.test.ts',
  98: 'test/sim/relay.test.ts',
};

test('every code that this relay can send is the reply of a row, or is shown where no row can show it', () => {
  const replies = readTranscripts().flatMap(({ rows }) => rows.map(({ reply }) => reply.source));
  for (const code of Object.keys(ECODES).map(Number)) {
    const elsewhere = SHOWN_ELSEWHERE[code];
    const texts = elsewhere === undefined ? replies : [readFileSync(join(projectRoot, elsewhere), 'utf8')];
    assert.ok(
      texts.some((text) => new RegExp(`\\bE${code}\\b`).test(text)),
      `E${code} is shown nowhere`,
    );
  }
});

test('a code is its number on the wire, and a sentence for people; a foreign one is shown as it is', () => {
  assert.equal(formatEcode(72), 'E72');
  assert.equal(describeEcode(72), 'E72: no port for a new session');
  assert.equal(describeEcode(1234), 'E1234');
});
