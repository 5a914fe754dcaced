import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Framed, MessageFramer } from '../../../../src/sip/message/framing.ts';

function messageOf(body: string, extra = ''): string {
  return `MESSAGE sip:bob@192.0.2.1 SIP/2.0\r\n${extra}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function shown(items: readonly Framed[]): unknown[] {
  return items.map((item) => (item.kind === 'message' ? Buffer.from(item.bytes).toString() : item.kind));
}

test('whatever the segments are, the same messages and pings come out', () => {
  const parts = [messageOf('hello'), '\r\n\r\n', messageOf(''), '\r\n', messageOf('a\r\n\r\nb', 'l : 6\r\n')];
  const bytes = Buffer.from(parts.join(''));
  const expected = [parts[0], 'ping', parts[2], parts[4]];
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 40 }), (cuts) => {
      const framer = new MessageFramer();
      const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const items = edges.slice(1).flatMap((end, index) => framer.push(bytes.subarray(edges[index], end)));
      assert.deepEqual(shown(items), expected);
      assert.equal(framer.pendingBytes, 0);
    }),
  );
  const framer = new MessageFramer();
  assert.deepEqual(shown([...bytes].flatMap((byte) => framer.push(Uint8Array.of(byte)))), expected);
});

test('a line feed alone ends lines as well', () => {
  const text = 'OPTIONS sip:a@192.0.2.1 SIP/2.0\nl:2\n\nok';
  assert.deepEqual(shown(new MessageFramer().push(Buffer.from(text))), [text]);
});

for (const [code, head] of [
  ['no-content-length', 'OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n'],
  ['bad-content-length', 'OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nContent-Length: -1\r\n\r\n'],
  ['bad-content-length', 'OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n'],
  ['too-long', 'OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nContent-Length: 65535\r\n\r\n'],
] as const) {
  test(`${code}: the head is told, and nothing comes after it`, () => {
    const framer = new MessageFramer();
    const [item, ...others] = framer.push(Buffer.from(`${head}${messageOf('x')}`));
    assert.ok(item?.kind === 'broken');
    assert.equal(item.code, code);
    assert.equal(Buffer.from(item.head ?? []).toString(), head);
    assert.deepEqual(others, []);
    assert.deepEqual(framer.push(Buffer.from(messageOf('y'))), []);
  });
}

test('a head that never ends is given up at the length of the longest message', () => {
  const framer = new MessageFramer();
  const line = Buffer.from(`X: ${'x'.repeat(1000)}\r\n`);
  let pushed = 0;
  let items: Framed[] = [];
  while (items.length === 0 && pushed < 1_000_000) {
    items = framer.push(line);
    pushed += line.length;
    assert.ok(framer.pendingBytes <= 65_536);
  }
  assert.deepEqual(shown(items), ['broken']);
  assert.ok(pushed < 70_000);
});

test('blanks without end in a header take no time that grows with their square', () => {
  const head = `OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nl:${' '.repeat(60_000)}x\r\nl${' '.repeat(3000)}x\r\n\r\n`;
  assert.equal(new MessageFramer().push(Buffer.from(head))[0]?.kind, 'broken');
});
