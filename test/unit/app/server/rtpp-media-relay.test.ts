import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type MediaRelays, RtppMediaRelay } from '../../../../src/app/server/rtpp-media-relay.ts';
import type { PlacedRelay } from '../../../../src/io/relay-set-driver.ts';
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

type Reply = string | RtppOutcome;

function outcomeOf(reply: Reply): RtppOutcome {
  if (typeof reply !== 'string') {
    return reply;
  }
  const parsed = parseReply(reply);
  assert.ok(parsed.ok);
  return { kind: 'reply', reply: parsed.value };
}

/** The server's own relay and nothing else. */
function relay(...replies: Reply[]): { relay: RtppMediaRelay; commands: string[] } {
  return relayThat(false, replies);
}

function relayThat(takesSituation: boolean, replies: Reply[]): { relay: RtppMediaRelay; commands: string[] } {
  const { relay: media, commands } = relays({ main: replies }, undefined, takesSituation);
  return { relay: media, commands: commands.main ?? [] };
}

/** Relays that are taken in the order of their names; `main` is the server's own. */
function relays<Name extends string>(
  replies: Readonly<Record<Name, Reply[]>>,
  mediaAddress?: string,
  takesSituation = false,
): { relay: RtppMediaRelay; commands: Record<Name, string[]>; placed: Map<string, string> } {
  const names = Object.keys(replies) as Name[];
  const commands = Object.fromEntries(names.map((name) => [name, [] as string[]])) as Record<Name, string[]>;
  const placed = new Map<string, string>();
  const placedOn = (name: string | undefined): PlacedRelay | undefined =>
    name === undefined
      ? undefined
      : {
          member: name,
          name: name === 'main' ? '127.0.0.1:7722' : name,
          remote: { address: name === 'main' ? '127.0.0.1' : '192.0.2.7', port: 7722 },
          mediaAddress: name === 'main' ? 'own' : mediaAddress,
          takesSituation,
          request: async (command) => {
            commands[name as Name].push(command);
            return outcomeOf(replies[name as Name].shift() ?? '0');
          },
        };
  const media: MediaRelays = {
    hasOthers: names.length > 1,
    holds: (session) => placed.has(session),
    memberOf: (session) => placed.get(session),
    adopt: (session, name) => void placed.set(session, name as Name),
    holderOf: (session) => placedOn(placed.get(session) ?? (names.length > 1 ? undefined : names[0])),
    relayFor: (session, tried = new Set()) => {
      const known = placed.get(session);
      const name = known !== undefined && !tried.has(known) ? known : names.find((each) => !tried.has(each));
      if (name !== undefined) {
        placed.set(session, name);
      }
      return placedOn(name);
    },
    forget: (session) => void placed.delete(session),
  };
  return { relay: new RtppMediaRelay(media, SILENT), commands, placed };
}

const publish = (extra: Partial<RelayCommand & { kind: 'publish' }> = {}): RelayCommand => ({
  kind: 'publish',
  session: SESSION,
  role: 'offer',
  offerer: 'caller',
  streams: [AUDIO],
  ringing: true,
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

test('a relay that takes it is told who holds and whether it rings; one that has been replaced since is told without', async () => {
  const { relay: media, commands } = relayThat(true, ['35000', '35002', 'E35', '35002']);
  await media.execute(publish());
  await media.execute(publish({ role: 'answer', ringing: false, streams: [{ ...AUDIO, held: true }] }));
  const replaced = await media.execute(publish({ ringing: false }));
  assert.deepEqual(commands, [
    'UH2 x1@a~k1 198.51.100.1 40000 A;1 B;1',
    'LH1 x1@a~k1 198.51.100.1 40000 A;1 B;1',
    'UH0 x1@a~k1 198.51.100.1 40000 A;1 B;1',
    'U x1@a~k1 198.51.100.1 40000 A;1 B;1',
  ]);
  assert.deepEqual(replaced, { kind: 'done', ports: [35_002] });
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

test('a call goes to another relay when one has no room, drains or does not answer; what was begun is deleted there', async () => {
  for (const first of ['E71', 'E72', 'E98', 'E99', { kind: 'timeout' }, { kind: 'disconnected' }] as const) {
    const { relay: media, commands, placed } = relays({ a: [first], main: ['35000 192.0.2.1'] });
    assert.deepEqual(await media.execute(publish()), { kind: 'done', ports: [35_000] });
    assert.deepEqual(commands.a, ['U x1@a~k1 198.51.100.1 40000 A;1 B;1', 'D x1@a~k1 A B']);
    assert.deepEqual(commands.main, ['U x1@a~k1 198.51.100.1 40000 A;1 B;1']);
    assert.deepEqual([...placed], [['x1@a~k1', 'main']]);
  }
  const { relay: media, commands } = relays({ a: [{ kind: 'refused' }], main: ['35000'] });
  assert.equal((await media.execute(publish())).kind, 'done');
  assert.equal(commands.a.length, 1, 'nobody is there to delete anything');
});

test('what another relay would refuse, too, is not tried there', async () => {
  for (const code of ['E1', 'E5', 'E31', 'E36', 'E37', 'E50']) {
    const { relay: media, commands } = relays({ a: [code], b: [] });
    assert.notEqual((await media.execute(publish())).kind, 'done', code);
    assert.deepEqual(commands.b, [], code);
  }
});

test('one of two streams without a port moves both', async () => {
  const { relay: media, commands } = relays({ a: ['35000', 'E72'], b: ['36000 192.0.2.9', '36002 192.0.2.9'] });
  assert.deepEqual(await media.execute(publish({ streams: [AUDIO, VIDEO] })), {
    kind: 'done',
    ports: [36_000, 36_002],
    address: '192.0.2.9',
  });
  assert.equal(commands.a.at(-1), 'D x1@a~k1 A B');
});

test('a call that has begun stays: its later messages go to its relay alone, whatever that answers', async () => {
  const { relay: media, commands } = relays({ a: ['35000', '35002', 'E72', 'E50', '0'], b: [] });
  await media.execute(publish());
  await media.execute(publish({ role: 'answer' }));
  const failed = await media.execute(publish({ offerer: 'callee' }));
  assert.equal(failed.kind, 'failed');
  const check: RelayCommand = { kind: 'check', session: SESSION, offerer: 'caller', streams: [AUDIO] };
  assert.deepEqual(await media.execute(check), { kind: 'lost' });
  await media.execute({ kind: 'delete', session: SESSION });
  assert.equal(commands.a.length, 5);
  assert.deepEqual(commands.b, []);
  assert.deepEqual(await media.execute({ kind: 'delete', session: SESSION }), { kind: 'done', ports: [] });
  assert.equal(commands.a.length, 5, 'nothing is known of it any more');
});

test('no more than four relays are tried for one call, and then nothing is left of it', async () => {
  const silent = (): Reply[] => [{ kind: 'timeout' }];
  const all = relays({ a: silent(), b: silent(), c: silent(), d: silent(), e: [] });
  const outcome = await all.relay.execute(publish());
  assert.deepEqual(outcome, { kind: 'failed', reason: 'media relay at d does not answer' });
  assert.deepEqual([all.commands.e, all.placed.size], [[], 0]);
});

test('phones are told where a relay elsewhere is: as configured, as it says, else by its control socket', async () => {
  const addressOf = async (reply: string, configured?: string): Promise<string | undefined> => {
    const outcome = await relays({ a: [reply], b: [] }, configured).relay.execute(publish());
    return outcome.kind === 'done' ? outcome.address : outcome.kind;
  };
  assert.equal(await addressOf('35000 198.51.100.7'), '198.51.100.7');
  assert.equal(await addressOf('35000 198.51.100.7', '203.0.113.1'), '203.0.113.1');
  assert.equal(await addressOf('35000'), '192.0.2.7');
  assert.equal(await addressOf('35000 0.0.0.0'), '192.0.2.7');
  assert.equal(await addressOf('35000 relay.example.org'), '192.0.2.7');
});

test('figures: what ours knows, what any relay counts, and which relay it was in any case', async () => {
  const ask = 'Qv x1@a~k1 A;1 B;1 npkts_ina rtpa_nsent rtpa_nlost';
  const back = 'Qv x1@a~k1 B;1 A;1 npkts_ina rtpa_nsent rtpa_nlost';
  const both = 'Q x1@a~k1 A;1 B;1 party other';
  const known = 'npkts_ina=240 rtpa_nsent=250 rtpa_nlost=10';
  const counts = { packets: 240, lost: 10, lossPercent: 4 };
  const ours = { ...counts, codec: 'type 111 at 48 kHz', jitterMs: 2.5, mos: 3.9, verdict: 'never-arrived' };
  const silent = { packets: 0, lost: 0, verdict: 'silent' };
  const spoken = '240,250,10,type_111_at_48_kHz,2.5,3.9,never-arrived 0,0,0,-,-,-,silent';
  const cases: readonly [boolean, Reply[], string[], unknown][] = [
    [true, [spoken], [both], [{ stream: 1, caller: ours, callee: silent }]],
    [true, ['E62', known, known], [both, ask, back], [{ stream: 1, caller: counts, callee: counts }]],
    [true, ['E50'], [both], undefined],
    [true, ['240,250,10,<script>,-,-,<b> 0'], [both], [{ stream: 1, caller: counts, callee: { packets: 0 } }]],
    [false, [known, known], [ask, back], [{ stream: 1, caller: counts, callee: counts }]],
    [false, ['E50', 'E50'], [ask, back], undefined],
    [false, [{ kind: 'timeout' }, { kind: 'timeout' }], [ask, back], undefined],
    [false, ['npkts_ina=x verdict=<script>', known], [ask, back], undefined],
  ];
  for (const [takesSituation, replies, commands, media] of cases) {
    const { relay: one, commands: asked } = relayThat(takesSituation, replies);
    const figures = await one.figures(SESSION, [0]);
    assert.deepEqual([figures.media, figures.relay, asked], [media, '127.0.0.1:7722', commands]);
  }
});
