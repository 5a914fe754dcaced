/**
 * Strangers against the shipped ims-relay: what they hear and what they can say, row by row. Every party and every
 * attacker has a network namespace of its own. `npm run attacks` does the same with a hundred calls, a
 * million sources and commands, and `IMS_ATTACKS_PPS` packets a second (6000); here it is the same in small.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makePacket, POISONS, pseudoRandom } from '../fixtures/poison.ts';
import {
  ATTACKERS,
  Attack,
  AttackedRelay,
  type AttackOrders,
  type Call,
  type HostName,
  openAttackNetwork,
  Phone,
} from '../support/attack-world.ts';
import type { Host } from '../support/network.ts';
import { peersPresent } from '../support/peers.ts';
import { planesHere } from '../support/planes.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { boundUdpSockets } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

const FULL = process.env['IMS_ATTACKS'] === 'full';

/** What two cores can send, relay and check at once; more on a larger machine. */
const FULL_PACKETS_PER_SECOND = Number(process.env['IMS_ATTACKS_PPS'] ?? 6000);

/** Calls at once, packets a second of all attackers together, how long a spray lasts, and how many sources and commands. */
const SCALE = FULL
  ? {
      calls: 100,
      packetsPerSecond: FULL_PACKETS_PER_SECOND,
      sprayMs: 10_000,
      reinviteMs: 5000,
      sources: 1_000_000,
      commands: 1_000_000,
    }
  : { calls: 4, packetsPerSecond: 1500, sprayMs: 800, reinviteMs: 200, sources: 20_000, commands: 4000 };

/** The kernel forwards nothing on loopback, so it is not among those that were found there; its tests say so where it cannot. */
const PLANES = [...(await planesHere()), 'kernel'] as const;

const GENEROUS = { timeoutMs: 20_000 };

let lastPort = 4000;

/** No two phones of a network have the same. */
function freshPort(): number {
  lastPort += 4;
  return lastPort;
}

class World {
  readonly t: TestContext;
  readonly scope: Scope;
  readonly hosts: Record<HostName, Host>;
  readonly relay: AttackedRelay;

  constructor(t: TestContext, scope: Scope, hosts: Record<HostName, Host>, relay: AttackedRelay) {
    this.t = t;
    this.scope = scope;
    this.hosts = hosts;
    this.relay = relay;
  }

  /** Two phones that know each other; the relay does not know of them yet. */
  phones(): [Phone, Phone] {
    const alice = new Phone(this.scope, this.hosts.alice, freshPort());
    const bob = new Phone(this.scope, this.hosts.bob, freshPort());
    [alice.partner, bob.partner] = [bob, alice];
    return [alice, bob];
  }

  /** `signal`: what signalling says of a phone; its own address unless told. */
  async call(signal = (phone: Phone): string => `${phone.host.address} ${phone.port}`): Promise<Call> {
    const [alice, bob] = this.phones();
    const id = `call${alice.port}`;
    const forBob = await this.relay.grant(`U ${id} ${signal(alice)} A`);
    const forAlice = await this.relay.grant(`L ${id} ${signal(bob)} A B`);
    return { id, alice, bob, forAlice, forBob };
  }

  async talkingCall(signal?: (phone: Phone) => string): Promise<Call> {
    const call = await this.call(signal);
    talk(call);
    await heard(call, 5);
    return call;
  }

  async calls(count: number, signal?: (phone: Phone) => string): Promise<Call[]> {
    return await Promise.all(Array.from({ length: count }, () => this.talkingCall(signal)));
  }

  /** All attackers at once. */
  async attack(orders: Partial<AttackOrders> = {}): Promise<Attack[]> {
    const packetsPerSecond = SCALE.packetsPerSecond / ATTACKERS.length;
    return await Promise.all(
      ATTACKERS.map((name, index) =>
        Attack.start(this.scope, this.hosts[name], this.relay, {
          poison: ['speech'],
          packetsPerSecond,
          seed: index + 1,
          ...orders,
        }),
      ),
    );
  }

  /** Ends attacks and calls, prints the figures, and asserts that nobody heard anything or was heard. */
  async expectDeaf(attacks: readonly Attack[], calls: readonly Call[], more = ''): Promise<void> {
    const results = await Promise.all(attacks.map((attack) => attack.end()));
    await hangUp(this.relay, calls);
    const sent = results.reduce((sum, result) => sum + result.sent, 0);
    const bled = results.reduce((sum, { received }) => sum + received, 0);
    const injected = calls.reduce((sum, { alice, bob }) => sum + alice.foreign + bob.foreign, 0);
    const [expected, arrived] = [calls.flatMap(({ alice, bob }) => [alice.sent, bob.sent]), calls.flatMap(heardCounts)];
    const loss = 1 - sum(arrived) / sum(expected);
    this.t.diagnostic(
      `${sent} packets of strangers against ${calls.length} calls: ${bled} bled, ${injected} injected, ` +
        `${(loss * 100).toFixed(2)} % of speech lost${more}`,
    );
    assert.ok(sent > 0, 'somebody did attack');
    assert.deepEqual({ bled, injected }, { bled: 0, injected: 0 });
  }
}

function talk({ alice, bob, forAlice, forBob }: Call): void {
  alice.talk(forAlice);
  bob.talk(forBob);
}

async function heard({ alice, bob }: Call, more: number): Promise<void> {
  const [ofAlice, ofBob] = [bob.heard.size + more, alice.heard.size + more];
  await waitFor('both to be heard', () => bob.heard.size >= ofAlice && alice.heard.size >= ofBob, GENEROUS);
}

/** What each party heard of the other. */
function heardCounts({ alice, bob }: Call): number[] {
  return [bob.heard.size, alice.heard.size];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

async function hangUp(relay: AttackedRelay, calls: readonly Call[]): Promise<void> {
  for (const { alice, bob } of calls) {
    alice.fallSilent();
    bob.fallSilent();
  }
  // What is on its way still counts.
  await sleep(50);
  await Promise.all(calls.map(({ id }) => relay.ask(`D ${id} A B`)));
}

type Row = readonly [name: string, run: (world: World) => Promise<void>];

const ROWS: readonly Row[] = [
  [
    'row 1: sprayed while they talk, calls neither bleed nor take anything in',
    async (world) => {
      const calls = await world.calls(SCALE.calls);
      const attacks = await world.attack();
      await sleep(SCALE.sprayMs);
      await Promise.all(calls.map((call) => heard(call, 5)));
      await world.expectDeaf(attacks, calls);
    },
  ],
  [
    'row 2: a spray that was there first changes nothing, and the first packet of each party is passed on',
    async (world) => {
      const attacks = await world.attack();
      const calls = await world.calls(SCALE.calls);
      const firsts = calls.flatMap(({ alice, bob }) => [alice.heard.has(0), bob.heard.has(0)]).filter(Boolean).length;
      await sleep(SCALE.sprayMs / 2);
      await world.expectDeaf(attacks, calls, `; ${firsts} of ${calls.length * 2} first packets passed on`);
      // One in ten may have met a full buffer on a busy machine.
      assert.ok(firsts >= calls.length * 2 * 0.9, `${firsts}`);
    },
  ],
  [
    'row 3: the same with parties behind NAT whose host signalling knows; they are believed within 100 ms',
    async (world) => {
      const attacks = await world.attack();
      const calls = await Promise.all(
        Array.from({ length: SCALE.calls }, () => world.call((phone) => `${phone.host.address} ${phone.port + 1000}`)),
      );
      const startedAt = performance.now();
      calls.forEach(talk);
      await Promise.all(calls.map((call) => heard(call, 5)));
      const waits = calls.flatMap(({ alice, bob }) =>
        [alice, bob].map((phone) => (phone.firstHeardAt ?? 0) - startedAt),
      );
      const firsts = calls.flatMap(({ alice, bob }) => [alice.heard.has(0), bob.heard.has(0)]).filter(Boolean).length;
      const slowest = Math.max(...waits);
      await world.expectDeaf(attacks, calls, `; first word after ${slowest.toFixed(0)} ms at most`);
      assert.ok(slowest < 2000, `${slowest} ms, on any machine`);
      // What was held of the one that is believed first goes to the other's signalled port, where nobody is yet.
      assert.ok(firsts >= calls.length * 0.9, `${firsts} of ${calls.length * 2} first packets`);
    },
  ],
  [
    'row 4: behind NAT and nothing known, a spray and a whole stream that comes after the party hear nothing',
    async (world) => {
      const spray = await world.attack();
      const calls = await world.calls(SCALE.calls, () => '10.0.0.5 4000');
      const stream = await stranger(world, calls[0] as Call);
      await sleep(SCALE.sprayMs / 2);
      await world.expectDeaf([...spray, stream], calls);
    },
  ],
  [
    'row 4: a stranger whose whole stream comes before that of the party raises the alarm',
    async (world) => {
      const [before = 0] = await world.relay.counters('nsess_contested');
      const call = await world.call(() => '10.0.0.5 4000');
      call.bob.talk(call.forBob);
      const stream = await stranger(world, call);
      await waitFor('the stranger to be believed', () => call.bob.foreign > 0, GENEROUS);
      call.alice.talk(call.forAlice);
      await waitFor(
        'the alarm',
        async () => ((await world.relay.counters('nsess_contested'))[0] ?? 0) > before,
        GENEROUS,
      );
      await world.relay.program.waitForLine(/two sources claim to be this party/);
      const { sent, received } = await stream.end();
      world.t.diagnostic(`${sent} packets of a stranger who came first: ${received} bled, alarm raised`);
      await hangUp(world.relay, [call]);
    },
  ],
  [
    'row 5: sprayed across re-INVITEs that move the parties, calls neither bleed nor take anything in',
    async (world) => {
      const calls = await world.calls(Math.ceil(SCALE.calls / 2));
      const attacks = await world.attack();
      const until = performance.now() + SCALE.sprayMs * 1.5;
      let reinvites = 0;
      while (performance.now() < until) {
        for (const call of calls) {
          const port = freshPort();
          reinvites += 1;
          call.alice.moveTo(world.hosts.alice, port);
          await world.relay.ask(`U ${call.id} ${world.hosts.alice.address} ${port} A B`);
        }
        await sleep(SCALE.reinviteMs);
      }
      await Promise.all(calls.map((call) => heard(call, 5)));
      await world.expectDeaf(attacks, calls, `, ${reinvites} re-INVITEs`);
    },
  ],
  [
    'row 6, pain 3: a NAT that rebinds a port mid-call is heard again within 250 ms',
    async (world) => {
      const call = await world.talkingCall();
      await moves(world, call, () => call.alice.moveTo(world.hosts.alice, freshPort()), 250);
    },
  ],
  [
    'row 7, pain 4: a phone that goes to another network mid-call is heard again within 1.5 s',
    async (world) => {
      const call = await world.talkingCall();
      await moves(world, call, () => call.alice.moveTo(world.hosts.elsewhere, freshPort()), 1500);
    },
  ],
  [
    'row 8: a phone on two paths in turn moves once in 5 s at most, and no third one hears a packet',
    async (world) => {
      const call = await world.talkingCall();
      const attacks = await world.attack();
      const [before = 0] = [latchings(world.relay)];
      const startedAt = performance.now();
      const [there, here] = [freshPort(), freshPort()];
      for (let turn = 0; turn < 6; turn++) {
        call.alice.moveTo(
          ...(turn % 2 === 0 ? ([world.hosts.elsewhere, there] as const) : ([world.hosts.alice, here] as const)),
        );
        await sleep(700);
      }
      const seconds = (performance.now() - startedAt) / 1000;
      const changes = latchings(world.relay) - before;
      await world.expectDeaf(attacks, [call], `; ${changes} changes in ${seconds.toFixed(1)} s`);
      assert.ok(changes >= 1 && changes <= 1 + seconds / 5, `${changes} changes in ${seconds} s`);
    },
  ],
  [
    'row 9: RTCP of strangers, short or whole, steals no report',
    async (world) => {
      const calls = await world.calls(2);
      const [before = 0] = await world.relay.counters('npkts_discard');
      const attacks = await world.attack({
        poison: ['rtcp', 'short', 'byte'],
        ports: [20_001, world.relay.maxPort],
        step: 2,
      });
      const reports = calls.map(({ alice, bob }) => alice.reports + bob.reports);
      await waitFor(
        'reports both ways',
        () => calls.every(({ alice, bob }, index) => alice.reports + bob.reports >= (reports[index] ?? 0) + 4),
        GENEROUS,
      );
      const [after = 0] = await world.relay.counters('npkts_discard');
      await world.expectDeaf(attacks, calls, `; ${after - before} packets counted as discarded`);
      assert.ok(after > before, 'it was counted');
    },
  ],
  [
    'row 10: DTLS and STUN of strangers do not reach the parties, theirs pass byte by byte',
    async (world) => {
      const call = await world.talkingCall();
      const attacks = await world.attack({ poison: ['dtls', 'stun'] });
      const hello = makePacket('dtls', 0, pseudoRandom(7));
      const [foreign] = [call.bob.foreign];
      call.alice.sendRaw(hello, call.forAlice);
      await waitFor('the ClientHello of the party', () => call.bob.foreign === foreign + 1, GENEROUS);
      await sleep(SCALE.sprayMs / 2);
      assert.equal(call.bob.foreign, foreign + 1, 'and no other');
      call.bob.foreign = 0;
      await world.expectDeaf(attacks, [call]);
    },
  ],
  [
    'row 11, pain 25: random sources at one port cost no memory and no packet of other calls',
    async (world) => {
      const [target, ...others] = await world.calls(3, (phone) =>
        phone.host === world.hosts.alice ? '10.0.0.5 4000' : `${phone.host.address} ${phone.port}`,
      );
      const port = (target as Call).forAlice.port;
      const flood = async (count: number, seed: number): Promise<number> => {
        const orders = {
          poison: ['speech', 'noise'] as const,
          ports: [port, port] as const,
          randomSources: true,
          seed,
        };
        const packetsPerSecond = FULL ? 50_000 : 10_000;
        const attack = await Attack.start(world.scope, world.hosts.eve, world.relay, { ...orders, packetsPerSecond });
        await sleep((count / packetsPerSecond) * 1000);
        const { sent, received } = await attack.end();
        assert.equal(received, 0);
        return sent;
      };
      await flood(SCALE.sources / 4, 1);
      const before = world.relay.rssKib;
      const sent = await flood(SCALE.sources, 2);
      const growth = world.relay.rssKib - before;
      const lost = others.flatMap(({ alice, bob }) => [bob.sent - alice.heard.size, alice.sent - bob.heard.size]);
      await Promise.all(others.map((call) => heard(call, 5)));
      await hangUp(world.relay, [target as Call, ...others]);
      world.t.diagnostic(
        `${sent} random sources: RSS ${growth >= 0 ? '+' : ''}${growth} KiB, ${sum(lost)} packets under way or lost`,
      );
      assert.equal(sum(others.map(({ alice, bob }) => alice.foreign + bob.foreign)), 0, 'nothing injected');
      // One entry a source, however small, would be more; the collector's own breathing is less.
      assert.ok(growth < (FULL ? 40_000 : 24_000), `${growth} KiB`);
    },
  ],
  [
    'row 13: nonsense on the control socket ends nothing and leaks no port',
    async (world) => {
      const random = pseudoRandom(13);
      const [before] = [world.relay.rssKib];
      for (let done = 0; done < SCALE.commands; done += 50) {
        await Promise.all(Array.from({ length: 50 }, () => world.relay.ask(nonsense(random))));
      }
      await world.relay.ask('X');
      assert.match(await world.relay.ask('I'), /active sessions: 0/);
      // A plane in other threads closes its sockets when those have let go of them.
      await waitFor(
        'every media port to be closed',
        () => boundUdpSockets(world.relay.host.namespace).length === 0,
        GENEROUS,
      );
      world.t.diagnostic(`${SCALE.commands} commands: RSS ${world.relay.rssKib - before} KiB more`);
      const call = await world.talkingCall();
      await hangUp(world.relay, [call]);
    },
  ],
  [
    'row 14: a scan of all ports with one byte gets no answer, from bound ones neither',
    async (world) => {
      const calls = await world.calls(2);
      const attacks = await world.attack({ poison: ['byte', 'empty'] });
      await sleep(SCALE.sprayMs);
      await world.expectDeaf(attacks, calls);
    },
  ],
  [
    'bad input: whatever strangers and parties send, the relay stands, is not busy, and its log is short',
    async (world) => {
      const call = await world.talkingCall();
      const lines = world.relay.program.output.split('\n').length;
      const attacks = await world.attack({ poison: POISONS });
      const random = pseudoRandom(3);
      for (let index = 0; index < 200; index++) {
        call.alice.sendRaw(makePacket(POISONS[index % POISONS.length] ?? 'noise', index, random), call.forAlice);
      }
      await sleep(SCALE.sprayMs);
      await heard(call, 5);
      const names = ['rtp', 'rtcp', 'stun', 'dtls', 'short', 'huge', 'version'];
      const kinds = await waitFor(
        'each kind to be counted',
        async () => {
          const counts = await world.relay.counters(...names.map((kind) => `nrefused_${kind}`));
          return counts.every((count) => count > 0) && counts;
        },
        GENEROUS,
      );
      world.t.diagnostic(names.map((kind, index) => `${kind} ${kinds[index]}`).join(', '));
      call.bob.foreign = 0;
      await world.expectDeaf(attacks, [call]);
      const more = world.relay.program.output.split('\n').length - lines;
      assert.ok(more < 40, `${more} lines of log`);
      const busy = world.relay.cpuMs;
      await sleep(500);
      const spent = world.relay.cpuMs - busy;
      world.t.diagnostic(`${more} lines of log; ${spent} ms of CPU in 500 ms without calls`);
      assert.ok(spent < 250, `${spent} ms: a busy loop`);
    },
  ],
];

/** A stranger with a stream as good as any, to the port of alice. */
async function stranger(world: World, { forAlice }: Call): Promise<Attack> {
  const phone = new Phone(world.scope, world.hosts.eve, freshPort());
  phone.talk(forAlice);
  return {
    async end() {
      phone.fallSilent();
      await sleep(50);
      return { sent: phone.sent, received: phone.foreign };
    },
  } as unknown as Attack;
}

/** A phone goes on from elsewhere: how long until its partner hears it, and it hears its partner, again. */
async function moves(world: World, call: Call, move: () => void, targetMs: number): Promise<void> {
  const attacks = await world.attack();
  move();
  const first = call.alice.sent;
  const movedAt = performance.now();
  await waitFor('the moved phone to be heard', () => [...call.bob.heard].some((sequence) => sequence > first), {
    ...GENEROUS,
    intervalMs: 2,
  });
  const waited = performance.now() - movedAt;
  await heard(call, 5);
  await world.expectDeaf(attacks, [call], `; heard again after ${waited.toFixed(0)} ms`);
  assert.ok(waited < targetMs * 5, `${waited} ms where ${targetMs} ms are the aim`);
}

/** How often the relay has believed a new source of RTP, by its log. */
function latchings({ program }: AttackedRelay): number {
  return program.output
    .split('\n')
    .filter((line) => line.includes('source of a party learned') && line.includes('rtp"')).length;
}

const LETTERS = ['U', 'L', 'D', 'Q', 'I', 'X', 'G', 'V', 'VF', 'P', 'S', 'R', 'C', 'N', 'Z', 'y'];
const WORDS = [
  'call',
  'A',
  'B',
  'A;1',
  '198.51.100.10',
  '10.0.0.1',
  '0.0.0.0',
  '4000',
  '65536',
  '-1',
  '%00',
  '::1',
  '&&',
  'ttl=1',
];

function nonsense(random: () => number): string {
  const pick = (words: readonly string[]): string => words[Math.floor(random() * words.length)] ?? '';
  const modifiers = ['', 'S', 'A', 'w', '6', 'N', 'c0,8', 'Z20', 'EI', 'L127.0.0.1', '\u0001'];
  const words = Array.from({ length: Math.floor(random() * 6) }, () => pick(WORDS));
  return [`${pick(LETTERS)}${pick(modifiers)}`, ...words].join(' ');
}

function needsOf(plane: (typeof PLANES)[number]): readonly ['network namespaces', ...'bpf'[]] {
  return plane === 'kernel' ? ['network namespaces', 'bpf'] : ['network namespaces'];
}

for (const plane of PLANES) {
  test(`strangers on the ${plane} plane`, async (t) => {
    if (!peersPresent(t, ...needsOf(plane))) return;
    const scope = openScope(t);
    const hosts = await openAttackNetwork(scope);
    const relay = await AttackedRelay.start(scope, hosts.relay, SCALE.calls * 4 + 20, `--plane=${plane}`, '-d', 'DBUG');
    assert.match(relay.program.output, new RegExp(`"plane":"${plane}"`));
    for (const [name, run] of ROWS) {
      await t.test(name, async (row) => {
        await run(new World(row, scope, hosts, relay));
      });
    }
    const [byKernel = 0] = await relay.counters('npkts_kernel');
    assert.equal(byKernel > 100, plane === 'kernel', `${byKernel} packets forwarded by the kernel`);
  });

  for (const [what, signal] of [
    ['that can be reached', (phone: Phone) => `${phone.host.address} ${phone.port}`],
    ['behind NAT', () => '10.0.0.5 4000'],
  ] as const) {
    test(`row 15, pain 11: of an old peer that still sends, a new call on its ports hears nothing (parties ${what}, ${plane} plane)`, async (t) => {
      if (!peersPresent(t, ...needsOf(plane))) return;
      const scope = openScope(t);
      const hosts = await openAttackNetwork(scope);
      const relay = await AttackedRelay.start(scope, hosts.relay, 2, `--plane=${plane}`);
      const world = new World(t, scope, hosts, relay);
      const old = await world.talkingCall(signal);
      await relay.ask(`D ${old.id} A B`);
      const next = await world.call(signal);
      const ports = [old.forAlice.port, old.forBob.port];
      assert.ok(ports.includes(next.forAlice.port) && ports.includes(next.forBob.port), 'the ports are used again');
      // The old party goes on for a while before the new ones speak.
      await sleep(300);
      const [discarded = 0] = await relay.counters('npkts_discard');
      assert.ok(discarded >= 5, 'the old peer is there');
      talk(next);
      await heard(next, 10);
      assert.deepEqual([next.alice.foreign, next.bob.foreign], [0, 0]);
      t.diagnostic(`${old.alice.sent + old.bob.sent} packets of the old peers, 0 in the new call`);
      await hangUp(relay, [old, next]);
    });
  }
}
