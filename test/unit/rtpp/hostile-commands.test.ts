/** The codec of the control protocol against commands that nobody would send. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCommandLine } from '../../../src/rtpp/command-line.ts';
import { ECODES } from '../../../src/rtpp/ecodes.ts';
import { cleanId, looksAlike, parseImsDatagram, parseImsLine } from '../../../src/rtpp/ims-dialect.ts';
import { decodeNotifyTag, formatNotifyTarget, parseNotifyTarget } from '../../../src/rtpp/notify.ts';
import { parsePeer } from '../../../src/rtpp/peer.ts';
import { parseReply } from '../../../src/rtpp/reply.ts';
import { parseStreamModifiers } from '../../../src/rtpp/stream-modifiers.ts';
import { MAX_SUBCOMMANDS, MAX_WORDS, splitCookie, splitWords } from '../../../src/rtpp/words.ts';
import { isPort } from '../../../src/wire/ip-address.ts';
import { hostileCommand, transcriptCommands, workingCommands } from '../../support/command-fuzz.ts';

const command = fc.oneof(hostileCommand(), fc.string({ unit: 'binary', maxLength: 300 }));
const RUNS = { numRuns: 3000 };

test('the corpus is every request of the transcripts, and most mutations differ from it', () => {
  const rows = new Set([...transcriptCommands(), ...workingCommands()]);
  assert.ok(rows.size > 300, `${rows.size} rows`);
  const drawn = fc.sample(hostileCommand(), { numRuns: 1000, seed: 1 });
  const changed = drawn.filter((text) => !rows.has(text)).length;
  assert.ok(changed > 500 && changed < 950, `${changed} of 1000 are new`);
  assert.ok(drawn.filter((text) => parseCommandLine(text).ok).length > 200, 'enough of them pass the first checks');
});

test('a command is taken apart within the limits or has a code of the table, and its words parse again', () => {
  fc.assert(
    fc.property(command, (text) => {
      const line = parseCommandLine(text);
      if (!line.ok) {
        assert.ok(line.error in ECODES);
        return;
      }
      const { verb, modifiers, args, subcommands } = line.value;
      assert.ok(args.length < MAX_WORDS && subcommands.length <= MAX_SUBCOMMANDS);
      assert.ok(args.length + 1 >= verb.minWords && args.length + 1 <= verb.maxWords);
      const [first = ''] = splitWords(text);
      const parts = [[first, ...args], ...subcommands].map((words) => words.join(' '));
      assert.deepEqual(parseCommandLine(parts.join(' && ')), line);
      assert.ok(first.endsWith(modifiers));
    }),
    RUNS,
  );
});

test('the dialect reads what it can, the same way each time, and never a command that is standard', () => {
  fc.assert(
    fc.property(command, fc.constantFrom('off', 'auto', 'only'), (text, mode) => {
      const datagram = parseImsDatagram(text, mode, false);
      const line = parseImsLine(text, mode);
      assert.deepEqual(parseImsDatagram(text, mode, false), datagram);
      if (mode === 'off') {
        assert.equal(datagram ?? line, undefined);
      }
      if (mode === 'auto' && looksAlike(text)) {
        assert.equal(parseImsDatagram(text, mode, true), undefined);
      }
      assert.equal(cleanId(cleanId(text)), cleanId(text));
    }),
    RUNS,
  );
});

test('words in the places of modifiers, addresses, targets and tags are values or codes', () => {
  const rules = {
    bridging: true,
    byAddress: (address: string) => (address.length > 3 ? address : undefined),
    byLabel: (label: string) => (label === 'two' ? label : undefined),
    towards: () => '127.0.0.1',
  };
  fc.assert(
    fc.property(command, fc.boolean(), (text, bridging) => {
      for (const word of splitWords(text)) {
        const modifiers = parseStreamModifiers(word.slice(1), { ...rules, bridging });
        assert.ok(modifiers.ok ? modifiers.value.directions.length <= 2 : modifiers.error in ECODES, word);
        for (const family of [4, 6] as const) {
          const peer = parsePeer(word, '65535', family);
          assert.ok(peer.ok || peer.error in ECODES, word);
          const port = parsePeer(family === 4 ? '127.0.0.1' : '::1', word, family);
          assert.ok(!port.ok || port.value.kind !== 'address' || isPort(port.value.target.port), word);
        }
        const target = parseNotifyTarget(word);
        assert.ok(!target.ok || parseNotifyTarget(formatNotifyTarget(target.value)).ok, word);
        const tag = decodeNotifyTag(word);
        assert.ok(tag.ok ? tag.value.length <= word.length : tag.error in ECODES, word);
      }
    }),
    RUNS,
  );
});

test('any text is a reply to a client, or none', () => {
  fc.assert(
    fc.property(command, (text) => {
      const reply = parseReply(splitCookie(text)?.command ?? text);
      assert.ok(!reply.ok || ['error', 'number', 'text'].includes(reply.value.kind));
    }),
    RUNS,
  );
});
