/** When a leg's RTP is given to the kernel, and when it is taken back; without a kernel. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PacketIo } from '../../../../src/linux/packet-io.ts';
import type { Flow, FlowCounters, FlowHandle, FlowKey, InstallOutcome } from '../../../../src/planes/kernel/flow.ts';
import { FlowKeeper } from '../../../../src/planes/kernel/flow-keeper.ts';
import type { Way } from '../../../../src/planes/kernel/ways.ts';
import { Slab } from '../../../../src/planes/native/shared-session.ts';
import { SharedTotals } from '../../../../src/planes/native/shared-totals.ts';
import { WorkerSession, WorkerSocket } from '../../../../src/planes/native/worker-session.ts';
import { WorkerTotals } from '../../../../src/planes/native/worker-totals.ts';
import { LOCKED } from '../../../../src/relay/latching/index.ts';
import type { FlowState } from '../../../../src/relay/media/flow-states.ts';
import type { SessionId, Side } from '../../../../src/relay/plane.ts';
import { rtpDatagram } from '../../../support/datagram-view.ts';

const PARTIES = [
  { address: '192.0.2.2', port: 5000 },
  { address: '192.0.2.1', port: 4000 },
] as const;
const WAY: Way = { outIfindex: 3, nextHop: '192.0.2.2', mtu: 1500 };

class World {
  readonly installed: { key: FlowKey; flow: Flow }[] = [];
  removed = 0;
  way: Way | FlowState = WAY;
  full = false;
  counters: Partial<FlowCounters> = {};
  left = 1;
  settledUpTo = -1;
  readonly keeper = new FlowKeeper({
    flows: {
      install: (key, flow) => this.#install(key, flow),
      remove: () => {
        this.removed += 1;
        return this.#counted;
      },
    },
    ways: { find: () => this.way, forget: () => {} },
    clockOffsetMs: 0,
    join: (_packets, act) => act(),
  });
  readonly session: WorkerSession;
  readonly #sockets: readonly [WorkerSocket, WorkerSocket];
  #now = 0;
  #sequence = 0;

  constructor() {
    // Sends that go nowhere.
    const io = { destination: new Int32Array(8), packet: new Uint8Array(0), out: new Uint8Array(2048), send: () => 1 };
    const totals = new WorkerTotals(new SharedTotals());
    const host = { io: io as unknown as PacketIo, policy: LOCKED, totals, event() {}, copy() {}, offload: this.keeper };
    const slab = new Slab();
    slab.clear(0);
    this.session = new WorkerSession(1 as SessionId, [slab.leg(0, 0), slab.leg(0, 1)], host);
    const socket = (side: Side) =>
      new WorkerSocket(-1, this.session, side, 'rtp', { address: '192.0.2.9', port: 20_000 + 2 * side });
    this.#sockets = [socket(0), socket(1)];
    for (const side of [0, 1] as const) {
      this.session.pairs[side] = { rtp: this.#sockets[side], rtcp: this.#sockets[side] };
      this.session.path.legOpened(side);
      this.session.path.signal(0, side, { peer: PARTIES[side], asymmetric: false });
    }
  }

  get state(): FlowState {
    return this.session.shared[1].flow.state;
  }

  /** The caller says a word, which comes to the socket. */
  say(more: { ssrc?: number; payloadType?: number } = {}, from: Side = 1): void {
    this.#now += 20;
    this.#sequence += 1;
    const timestamp = this.#sequence * 160;
    const header = { payloadType: 0, sequenceNumber: this.#sequence, timestamp, ssrc: 7, ...more };
    const { address, port } = PARTIES[from];
    this.session.receive(this.#now, this.#sockets[from], rtpDatagram(header, Buffer.alloc(160)), address, port);
  }

  /** The socket is read until it is empty. */
  empty(): void {
    for (let look = 0; look < 3 && this.keeper.wantsEmpty(this.#sockets[1]); look += 1) {
      this.keeper.emptied(this.#sockets[1]);
    }
  }

  #install(key: FlowKey, flow: Flow): InstallOutcome {
    if (this.full) {
      return { kind: 'refused', reason: 'full', cause: '' };
    }
    this.installed.push({ key, flow });
    const world = this;
    const handle: FlowHandle = {
      key,
      slot: 0,
      get left() {
        return world.left;
      },
      counters: () => this.#counted,
      settle() {},
      settleAll: (upTo) => {
        this.settledUpTo = upTo ?? this.left;
      },
    };
    return { kind: 'installed', handle };
  }

  get #counted(): FlowCounters {
    const nothing = {
      packets: 0,
      bytes: 0,
      lastSeenAt: 0,
      longestGapMs: 0,
      lowest: 0,
      highest: 0,
      sentInClosedRuns: 0,
    };
    const none = {
      sent: 0,
      duplicates: 0,
      lost: 0,
      jitter: 0,
      jitterMax: 0,
      jitterSum: 0,
      jitterCount: 0,
      toSocket: 0,
    };
    return { ...nothing, ...none, ...this.counters };
  }
}

test('the first word of a known party is enough: the exact 5-tuple, its SSRC and type, in order', () => {
  const world = new World();
  world.say();
  assert.equal(world.state, 'kernel');
  const [{ key, flow } = assert.fail()] = world.installed;
  assert.deepEqual(key, { family: 4, local: { address: '192.0.2.9', port: 20_002 }, remote: PARTIES[1] });
  assert.deepEqual([flow.source, flow.destination], [{ address: '192.0.2.9', port: 20_000 }, PARTIES[0]]);
  assert.deepEqual([flow.ssrc, flow.payloadTypes, flow.clockRateHz, flow.keepOrder], [7, [0], 8000, true]);
});

test('nothing goes past the socket before it was found empty, and what came after that look is read first', () => {
  const world = new World();
  world.say();
  assert.equal(world.settledUpTo, -1);
  const { socket } = { socket: world.session.pairs[1]?.rtp ?? assert.fail() };
  assert.ok(world.keeper.wantsEmpty(socket));
  world.left = 3;
  world.keeper.emptied(socket);
  assert.equal(world.settledUpTo, 1, 'what was left meanwhile may be in the socket');
  world.empty();
  assert.equal(world.settledUpTo, 3);
  assert.equal(world.keeper.wantsEmpty(socket), false);
});

test('an order, another latch and the end take the flow back before anything changes', () => {
  const world = new World();
  world.say();
  world.keeper.withdraw(world.session);
  assert.equal(world.removed, 1);
  world.session.path.tap(1, true);
  world.say();
  assert.deepEqual([world.state, world.installed.length], ['copied', 1]);
  world.session.path.tap(1, false);
  world.say();
  assert.equal(world.installed.length, 2);
  world.session.latched(1, 'rtp', PARTIES[1]);
  assert.equal(world.removed, 2);
  world.say();
  world.keeper.end(world.session);
  assert.equal(world.removed, 3);
});

test('what the kernel has passed on is counted and makes the party heard before the next packet is judged', () => {
  const world = new World();
  world.say();
  const run = { lowest: 0x20002, highest: 0x20065, sent: 100 };
  world.counters = { ...run, packets: 100, lastSeenAt: 2000 };
  world.say();
  const counters = world.session.path.counters(1);
  assert.deepEqual([counters.rtpAccepted, counters.rtpRelayed, counters.lastAcceptedAt >= 40], [102, 102, true]);
  assert.equal(world.session.shared[1].flow.joint.packets, 100);
});

test('why a leg stays on its sockets is told, and a way that appears is taken', () => {
  const world = new World();
  world.way = 'local-peer';
  world.say();
  assert.deepEqual([world.state, world.installed.length], ['local-peer', 0]);
  world.way = WAY;
  world.keeper.reconsider();
  world.say();
  assert.equal(world.state, 'kernel');
  world.way = { ...WAY, nextHop: '192.0.2.254' };
  world.keeper.reconsider();
  assert.deepEqual([world.state, world.removed], ['no-route', 1]);
  world.say();
  assert.equal(world.installed.at(-1)?.flow.nextHop, '192.0.2.254');
  world.keeper.withdraw(world.session);
  world.full = true;
  world.say();
  assert.equal(world.state, 'full');
});

test('a party that changes its SSRC is followed once it is steady; packets that never reach the kernel are left alone', () => {
  const world = new World();
  world.say();
  for (let word = 0; word < 8; word += 1) {
    world.say({ ssrc: 8 });
  }
  assert.deepEqual([world.removed, world.installed.at(-1)?.flow.ssrc, world.state], [1, 8, 'kernel']);
  for (let word = 0; word < 40; word += 1) {
    world.empty();
    world.say({ ssrc: 8 });
  }
  assert.deepEqual([world.state, world.removed], ['unseen', 2]);
});

test('a worker that is far behind reads many packets from before the flow: it stays', () => {
  const world = new World();
  for (let word = 0; word < 200; word += 1) {
    world.say();
  }
  assert.deepEqual([world.state, world.removed], ['kernel', 0]);
});

test('packets that the program does not see are changed by a NAT: what goes to that party stays on the sockets, too', () => {
  const world = new World();
  // The first word of each makes it known, which takes the flow of the other back.
  for (const side of [1, 0, 1, 0] as const) {
    world.say({}, side);
  }
  assert.deepEqual([world.state, world.session.shared[0].flow.state], ['kernel', 'kernel']);
  const { removed } = world;
  for (let word = 0; word < 40; word += 1) {
    world.empty();
    world.say();
  }
  assert.deepEqual([world.state, world.session.shared[0].flow.state, world.removed], ['unseen', 'unseen', removed + 2]);
  world.say({}, 0);
  assert.equal(world.session.shared[0].flow.state, 'unseen');
  world.keeper.reconsider();
  world.say({}, 0);
  assert.equal(world.session.shared[0].flow.state, 'kernel');
});

test('packets that are too long for the way out are not given to the kernel, which would leave each to the socket', () => {
  const world = new World();
  world.way = { ...WAY, mtu: 199 };
  world.say();
  assert.deepEqual([world.state, world.installed.length], ['too-long', 0]);
  world.way = { ...WAY, mtu: 200 };
  world.keeper.reconsider();
  world.say();
  assert.equal(world.state, 'kernel');
});
