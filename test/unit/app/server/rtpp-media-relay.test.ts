import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RtppMediaRelay } from '../../../../src/app/server/rtpp-media-relay.ts';
import type { Log } from '../../../../src/observe/log.ts';
import { parseReply } from '../../../../src/rtpp/reply.ts';
import type { RtppOutcome } from '../../../../src/rtpp-client/outcome.ts';
import type { RelayCommand } from '../../../../src/sip/b2bua/media-relay.ts';

const SILENT: Log = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  trace() {},
  child: () => SILENT,
  isLevelEnabled: () => false,
};

const SESSION = { callId: 'x1@a', instance: 'k1', callerTag: 'A', calleeTag: 'B' };
const AUDIO = { index: 0, address: '198.51.100.1', family: 4, port: 40_000 } as const;
const VIDEO = { index: 2, address: '2001:db8::1', family: 6, port: 40_002 } as const;

function relay(...replies: (string | RtppOutcome)[]): { relay: RtppMediaRelay; commands: string[] } {
  const commands: string[] = [];
  const client = {
    remote: { address: '127.0.0.1', port: 7722 },
    request: async (command: string): Promise<RtppOutcome> => {
      commands.push(command);
      const reply = replies.shift() ?? '0';
      if (typeof reply !== 'string') {
        return reply;
      }
      const parsed = parseReply(reply);
      assert.ok(parsed.ok);
      return { kind: 'reply', reply: parsed.value };
    },
  };
  return { relay: new RtppMediaRelay(client, SILENT), commands };
}

const publish = (extra: Partial<RelayCommand & { kind: 'publish' }> = {}): RelayCommand => ({
  kind: 'publish',
  session: SESSION,
  role: 'offer',
  offerer: 'caller',
  streams: [AUDIO],
  ...extra,
});

test('an offer is U, an answer is L; both name the offerer first, with the number of the m-line', async () => {
  const cases: readonly [RelayCommand, string[]][] = [
    [publish(), ['U x1@a~k1 198.51.100.1 40000 A;1 B;1']],
    [publish({ role: 'answer' }), ['L x1@a~k1 198.51.100.1 40000 A;1 B;1']],
    [publish({ offerer: 'callee' }), ['U x1@a~k1 198.51.100.1 40000 B;1 A;1']],
    [publish({ role: 'answer', offerer: 'callee' }), ['L x1@a~k1 198.51.100.1 40000 B;1 A;1']],
    [
      publish({ streams: [AUDIO, VIDEO] }),
      ['U x1@a~k1 198.51.100.1 40000 A;1 B;1', 'U6 x1@a~k1 2001:db8::1 40002 A;3 B;3'],
    ],
  ];
  for (const [command, expected] of cases) {
    const { relay: media, commands } = relay('35000', '35002');
    await media.execute(command);
    assert.deepEqual(commands, expected);
  }
});

test('the ports come back in the order of the streams, whatever address the relay names', async () => {
  const { relay: media } = relay('35000 203.0.113.10', '35004 10.0.0.1 6');
  assert.deepEqual(await media.execute(publish({ streams: [AUDIO, VIDEO] })), {
    kind: 'done',
    ports: [35_000, 35_004],
  });
});

test('D names both tags without a number and is content when nothing is there any more', async () => {
  const { relay: media, commands } = relay('E50');
  assert.deepEqual(await media.execute({ kind: 'delete', session: SESSION }), { kind: 'done', ports: [] });
  assert.deepEqual(commands, ['D x1@a~k1 A B']);
});

test('0 for L and E50 mean that the session is lost', async () => {
  assert.deepEqual(await relay('0').relay.execute(publish({ role: 'answer' })), { kind: 'lost' });
  const check: RelayCommand = { kind: 'check', session: SESSION, offerer: 'caller', streams: [AUDIO, VIDEO] };
  assert.deepEqual(await relay('E50', 'E50').relay.execute(check), { kind: 'lost' });
  assert.deepEqual(await relay('E50', '55 1 2 3 4').relay.execute(check), { kind: 'done', ports: [] });
  assert.deepEqual(await relay({ kind: 'timeout' }, 'E50').relay.execute(check), { kind: 'done', ports: [] });
  const away = await relay({ kind: 'timeout' }, { kind: 'refused' }).relay.execute(check);
  assert.equal(away.kind, 'failed', 'nobody answered: neither there nor gone');
  const lacking = await relay('E36').relay.execute(publish());
  assert.ok(lacking.kind === 'failed' && lacking.lacksFamily === true);
});

test('a failure is a sentence that names the relay and says why', async () => {
  const reasonOf = async (outcome: string | RtppOutcome): Promise<string> => {
    const result = await relay(outcome).relay.execute(publish());
    assert.equal(result.kind, 'failed');
    return result.kind === 'failed' ? result.reason : '';
  };
  assert.equal(await reasonOf({ kind: 'refused' }), 'media relay at 127.0.0.1:7722 refused: not running');
  assert.equal(await reasonOf({ kind: 'timeout' }), 'media relay at 127.0.0.1:7722 does not answer');
  assert.match(await reasonOf('E72'), /^media relay at 127\.0\.0\.1:7722: E72/);
  assert.match(await reasonOf('what?'), /^media relay at 127\.0\.0\.1:7722: "what\?"/);
});

test('any Call-ID and tag is one safe word of bounded length, and different ones stay different', async () => {
  const words = async (callId: string, tag: string): Promise<string[]> => {
    const { relay: media, commands } = relay('35000');
    await media.execute(publish({ session: { ...SESSION, callId, callerTag: tag } }));
    return (commands[0] ?? '').split(' ');
  };
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), fc.string({ maxLength: 300 }), async (callId, tag) => {
      const parts = await words(callId, tag);
      assert.equal(parts.length, 6);
      assert.ok(
        parts.every((part) => /^[A-Za-z0-9._~@+%;:-]{1,130}$/.test(part)),
        parts.join('|'),
      );
    }),
  );
  assert.notDeepEqual(await words('a b', 't'), await words('a%20b', 't'));
  assert.notDeepEqual(await words('x'.repeat(200), 't'), await words('x'.repeat(201), 't'));
});
