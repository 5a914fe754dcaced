/** Whatever a peer sends is data: nothing in the codec or the layer throws, and nothing that it makes breaks a line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatMessage } from '../../../../src/sip/message/format.ts';
import { authorization } from '../../../../src/sip/message/headers/authorization.ts';
import { callId } from '../../../../src/sip/message/headers/call-id.ts';
import { contact } from '../../../../src/sip/message/headers/contact.ts';
import { cseq } from '../../../../src/sip/message/headers/cseq.ts';
import { from } from '../../../../src/sip/message/headers/from.ts';
import { maxForwards } from '../../../../src/sip/message/headers/max-forwards.ts';
import { minSe } from '../../../../src/sip/message/headers/min-se.ts';
import { replaces } from '../../../../src/sip/message/headers/replaces.ts';
import { retryAfter } from '../../../../src/sip/message/headers/retry-after.ts';
import { sessionExpires } from '../../../../src/sip/message/headers/session-expires.ts';
import { via } from '../../../../src/sip/message/headers/via.ts';
import { warning } from '../../../../src/sip/message/headers/warning.ts';
import { wwwAuthenticate } from '../../../../src/sip/message/headers/www-authenticate.ts';
import { parseMessage } from '../../../../src/sip/message/parse.ts';
import { createResponse } from '../../../../src/sip/message/response.ts';
import { parseUri } from '../../../../src/sip/message/uri.ts';
import { TransactionLayer } from '../../../../src/sip/transaction/layer.ts';
import { RFC4475 } from '../../../vectors/sip/rfc4475.ts';
import { countedIds, udpFlow } from '../support.ts';

const RUNS = { numRuns: 2000 };
const corpus = RFC4475.map((vector) => new TextEncoder().encode(vector.text.replace(/\n/g, '\r\n')));

/** A torture message with some of its bytes replaced, removed or repeated. */
const mutated = fc
  .record({
    base: fc.constantFrom(...corpus),
    edits: fc.array(
      fc.record({
        at: fc.nat(1500),
        remove: fc.nat(40),
        insert: fc.oneof(
          fc.uint8Array({ maxLength: 12 }),
          fc.constantFrom(
            ...[':', ';', ',', '"', '<', '\r\n', ' ', '\\', '%', '@'].map((text) => new TextEncoder().encode(text)),
          ),
        ),
      }),
      { maxLength: 6 },
    ),
  })
  .map(({ base, edits }) =>
    edits.reduce<Uint8Array>((bytes, { at, remove, insert }) => {
      const where = at % (bytes.length + 1);
      return new Uint8Array([...bytes.subarray(0, where), ...insert, ...bytes.subarray(where + remove)]);
    }, base),
  );

const anything = fc.oneof({ weight: 4, arbitrary: mutated }, fc.uint8Array({ maxLength: 400 }));

const grammarText = fc.string({
  maxLength: 80,
  unit: fc.oneof(
    fc.constantFrom(...'"<>;,=:@%\\ \t/[]()*?&0aZ'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
});

test('the parser never throws, and what it lets through is formatted and parsed again to the same', () => {
  fc.assert(
    fc.property(anything, (bytes) => {
      const result = parseMessage(bytes);
      if (!result.ok) {
        if (result.error.refusal !== undefined) {
          const answer = createResponse(result.error.refusal.request, 400, { toTag: 'x' });
          assert.ok(formatMessage(answer).length > 0);
        }
        return;
      }
      const again = parseMessage(formatMessage(result.value));
      assert.ok(again.ok, JSON.stringify(again));
      assert.equal(again.value.kind, result.value.kind);
      assert.deepEqual(again.value.body, Uint8Array.from(result.value.body));
      assert.equal(again.value.headers.get('Call-ID'), result.value.headers.get('Call-ID'));
    }),
    RUNS,
  );
});

test('no header parser throws, and what it accepts it formats to something that it accepts', () => {
  const headers = [
    via,
    from,
    contact,
    cseq,
    callId,
    maxForwards,
    minSe,
    replaces,
    sessionExpires,
    retryAfter,
    warning,
    authorization,
    wwwAuthenticate,
  ];
  fc.assert(
    fc.property(grammarText, fc.constantFrom('', 'SIP/2.0/UDP ', '<sip:', '1 ', 'Digest ', '"'), (text, prefix) => {
      for (const header of headers) {
        const result = header.parse(prefix + text);
        if (result.ok) {
          const again = header.parse(header.format(result.value as never));
          assert.ok(
            again.ok,
            `${header.name}: ${JSON.stringify(prefix + text)} → ${header.format(result.value as never)}`,
          );
        }
      }
      parseUri(prefix + text);
    }),
    RUNS,
  );
});

test('the layer never throws, its tables keep their cap, and time empties them', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anything, fc.nat(2000)), { maxLength: 60 }), (datagrams) => {
      const layer = new TransactionLayer({ ids: countedIds(), maxTransactions: 8 });
      let now = 0;
      for (const [bytes, pause] of datagrams) {
        now += pause;
        layer.handleTimeout(now);
        const result = parseMessage(bytes);
        if (!result.ok) {
          continue;
        }
        for (const effect of layer.handleMessage(now, result.value, udpFlow())) {
          if (effect.kind === 'request' && effect.request.method === 'INVITE') {
            layer.respond(now, effect.key, createResponse(effect.request, 486, { toTag: 'us' }));
          }
        }
        assert.ok(layer.serverCount <= 8);
      }
      while (layer.nextTimeoutAt() < Number.POSITIVE_INFINITY) {
        layer.handleTimeout(layer.nextTimeoutAt());
      }
      assert.equal(layer.serverCount, 0);
    }),
    { numRuns: 300 },
  );
});
