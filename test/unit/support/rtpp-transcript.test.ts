import assert from 'node:assert/strict';
import { test } from 'node:test';
import { moveTo, portRange, readTranscripts, type Transcript } from '../../support/rtpp-transcript.ts';

function transcript(args: string, replies: readonly string[]): Transcript {
  const rows = replies.map((reply, index) => ({
    id: `r-${index}`,
    before: { waitMs: 0, hangUp: false },
    request: 'V',
    reply: new RegExp(`^(?:${reply})$`),
    origin: 'ours: rule',
  }));
  return { name: 'r', title: 'rows', transport: 'stdio', args: args.split(' '), rows };
}

test('ports of the range move, and nothing else', () => {
  const moved = moveTo(
    transcript('-b -m 32100 -M 32199', ['32100', '32199 127\\.0\\.0\\.1', '4711_12345 1', '\\d+']),
    12_000,
  );
  assert.deepEqual(moved.args, ['-b', '-m', '12000', '-M', '12099']);
  assert.deepEqual(
    moved.rows.map(({ reply }) => reply.source),
    ['^(?:12000)$', '^(?:12099 127\\.0\\.0\\.1)$', '^(?:4711_12345 1)$', '^(?:\\d+)$'],
  );
});

test('an odd first port stays odd, and a pattern of a port becomes any port', () => {
  const moved = moveTo(transcript('-m 32101 -M 32108', ['32102', '321\\d\\d']), 12_000);
  assert.deepEqual(moved.args, ['-m', '12001', '-M', '12008']);
  assert.deepEqual(
    moved.rows.map(({ reply }) => reply.source),
    ['^(?:12002)$', '^(?:\\d{5})$'],
  );
});

test('a transcript whose rows expect numbers says which ports there are', () => {
  for (const { name, rows, ...rest } of readTranscripts()) {
    const range = portRange({ name, rows, ...rest });
    const expected = rows
      .flatMap(({ reply }) => reply.source.match(/(?<![0-9_])[0-9]{5}(?![0-9_])/g) ?? [])
      .map(Number);
    for (const port of expected) {
      assert.ok(range !== undefined && port >= range[0] && port <= range[1], `${name}: ${port}`);
    }
  }
});
