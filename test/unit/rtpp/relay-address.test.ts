import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatRelayAddress, parseRelayAddress } from '../../../src/rtpp/relay-address.ts';

test('every transport of a client is parsed and written back', () => {
  for (const text of [
    'udp:192.0.2.7:7722',
    'udp:relay.example.org:22222',
    'udp6:[2001:db8::7]:22222',
    'udp6:relay.example.org:1',
    'tcp:192.0.2.7:65535',
    'tcp6:[::1]:22222',
    'unix:/run/rtpproxy.sock',
    'cunix:/run/a b:7.sock',
  ]) {
    const parsed = parseRelayAddress(text);
    assert.ok(parsed.ok, text);
    assert.equal(formatRelayAddress(parsed.value), text);
  }
});

test('an IPv6 address may be written without brackets: the last colon comes before the port', () => {
  for (const text of ['udp6:2001:db8::7:22222', 'udp6:[2001:db8::7]:22222', 'udp:2001:db8::7:22222']) {
    const parsed = parseRelayAddress(text);
    assert.ok(parsed.ok && 'host' in parsed.value, text);
    assert.deepEqual([parsed.value.host, parsed.value.port], ['2001:db8::7', 22222]);
    assert.equal(parsed.value.family, text.startsWith('udp6') ? 6 : undefined);
  }
});

const mistakes: readonly [string, RegExp][] = [
  ['', /is no control socket: write udp:HOST:PORT/],
  ['127.0.0.1:7722', /is no control socket/],
  ['/run/rtpproxy.sock', /is no control socket/],
  ['udp:host', /is no control socket/],
  ['udp::7722', /is no control socket/],
  ['udp:[::1:7722', /is no control socket/],
  ['udp:a b:7722', /is no control socket/],
  ['udp:host:0', /0 is not a port/],
  ['tcp:host:65536', /65536 is not a port/],
  ['udp6:192.0.2.7:7722', /192\.0\.2\.7 is not an IPv6 address/],
  ['unix:', /is no control socket/],
  [`unix:/${'x'.repeat(107)}`, /longer than the 107 bytes/],
];

for (const [text, sentence] of mistakes) {
  test(`refused: ${JSON.stringify(text.slice(0, 30))}`, () => {
    const parsed = parseRelayAddress(text);
    assert.ok(!parsed.ok);
    assert.match(parsed.error, sentence);
  });
}

test('never throws, and what it takes it writes back as something it takes', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((rest) => `udp:${rest}`),
      ),
      (text) => {
        const parsed = parseRelayAddress(text);
        if (parsed.ok) {
          assert.deepEqual(parseRelayAddress(formatRelayAddress(parsed.value)), parsed);
        }
      },
    ),
  );
});
