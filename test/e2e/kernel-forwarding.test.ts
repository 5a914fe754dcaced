/** The program at work between real hosts: namespaces on one Ethernet, the relay in the middle with one interface. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:dgram';
import { type TestContext, test } from 'node:test';
import { Bpf } from '../../src/linux/bpf/bpf.ts';
import type { Flow, FlowKey, FlowTable } from '../../src/planes/kernel/flow.ts';
import { KernelFlows } from '../../src/planes/kernel/kernel-flows.ts';
import type { AddressFamily } from '../../src/wire/ip-address.ts';
import { startCapture } from '../support/capture.ts';
import { bindInNamespace, inNamespace } from '../support/namespace-socket.ts';
import { HOST_INTERFACE, type Host, inside, openNetwork } from '../support/network.ts';
import { withoutChecksumOffload } from '../support/offload.ts';
import { peersPresent } from '../support/peers.ts';
import { rtpPacket } from '../support/rtp-frames.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { waitFor } from '../support/wait.ts';

const SSRC = 0x5eed5eed;
const AUDIO = 0;
const KEY_PRESS = 101;
const HELLO = Buffer.from('hello');

interface Arrival {
  readonly packet: Buffer;
  readonly from: string;
}

interface World {
  readonly caller: Host;
  readonly relay: Host;
  readonly callee: Host;
  readonly key: FlowKey;
  readonly flow: Flow;
  readonly kernel: KernelFlows;
  readonly table: FlowTable;
  /** Of the caller; sends to the relay's first port. */
  readonly phone: Socket;
  /** The relay's two sockets: what the kernel does not take arrives on the first. */
  readonly inner: Socket;
  readonly outer: Socket;
  /** What has reached the callee. */
  readonly heard: Arrival[];
  attach(): void;
}

async function openWorld(t: TestContext, family: AddressFamily): Promise<World | undefined> {
  if (!peersPresent(t, 'bpf', 'network namespaces', 'iproute2')) {
    return undefined;
  }
  const scope = openScope(t);
  const network = await openNetwork(scope, ['caller', 'relay', 'callee']);
  const hosts = family === 4 ? network : withIpv6(network);
  const { caller, relay, callee } = hosts;
  const bpf = Bpf.load();
  assert.ok(typeof bpf !== 'string', String(bpf));
  const opened = KernelFlows.open(bpf, 64);
  assert.ok(opened.ok, JSON.stringify(opened));
  const kernel = opened.value;
  scope.defer(() => kernel.close());
  kernel.keepAlive(3_600_000);
  const phone = bindInNamespace(scope, caller, 4000);
  const inner = bindInNamespace(scope, relay, 10_000);
  const outer = bindInNamespace(scope, relay, 10_002);
  const ear = bindInNamespace(scope, callee, 5000);
  await reach(phone, inner, relay);
  await reach(outer, ear, callee);
  const heard: Arrival[] = [];
  ear.on('message', (packet, { address, port }) => {
    if (!packet.equals(HELLO)) {
      heard.push({ packet, from: `${address} ${port}` });
    }
  });
  const ifindex = indexOf(relay);
  return {
    ...hosts,
    kernel,
    table: kernel.table(),
    phone,
    inner,
    outer,
    heard,
    key: { family, local: { address: relay.address, port: 10_000 }, remote: { address: caller.address, port: 4000 } },
    flow: {
      outIfindex: ifindex,
      nextHop: undefined,
      source: { address: relay.address, port: 10_002 },
      destination: { address: callee.address, port: 5000 },
      ssrc: SSRC,
      payloadTypes: [AUDIO],
      clockRateHz: 8000,
      tos: 184,
      mtu: 1500,
      mark: 0,
      keepOrder: false,
    },
    attach: () => attach(scope, bpf, relay, kernel.program, ifindex),
  };
}

for (const family of [4, 6] as const) {
  test(`IPv${family}: RTP reaches the other party from our port, and no socket of ours sees it`, async (t) => {
    const world = await openWorld(t, family);
    if (world === undefined) {
      return;
    }
    const { table, key, flow, phone, relay, heard } = world;
    const seen = collect(world.inner);
    world.attach();
    assert.equal(table.install(key, flow).kind, 'installed');
    for (let sequence = 1; sequence <= 50; sequence += 1) {
      phone.send(rtpPacket({ ssrc: SSRC, sequence }), 10_000, relay.address);
    }
    await waitFor('fifty packets', () => heard.length >= 50);
    assert.deepEqual(new Set(heard.map(({ from }) => from)), new Set([`${relay.address} 10002`]));
    assert.deepEqual(
      heard.map(({ packet }) => packet.readUInt16BE(2)),
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
    assert.equal(seen.length, 0);
    const { packets, lost } = table.counters(key) ?? { packets: -1, lost: -1 };
    assert.deepEqual({ packets, lost }, { packets: 50, lost: 0 });
    // What is not RTP of the flow arrives where it always did.
    phone.send(rtpPacket({ ssrc: SSRC, payloadType: KEY_PRESS }), 10_000, relay.address);
    phone.send(rtpPacket({ ssrc: SSRC + 1 }), 10_000, relay.address);
    await waitFor('two packets on the socket', () => seen.length >= 2);
    assert.equal(heard.length, 50);
  });

  test(`IPv${family}: checksums hold, whoever has computed them so far`, async (t) => {
    const world = await openWorld(t, family);
    if (world === undefined) {
      return;
    }
    const { table, key, flow, phone, relay, heard } = world;
    world.attach();
    assert.equal(table.install(key, flow).kind, 'installed');
    const sendThree = async (text: string): Promise<void> => {
      const before = heard.length;
      for (const payload of [Buffer.from('odd'), Buffer.alloc(160, 0xff), Buffer.alloc(0)]) {
        phone.send(rtpPacket({ ssrc: SSRC, payload }), 10_000, relay.address);
      }
      await waitFor(text, () => heard.length === before + 3);
    };
    // The caller leaves it to its interface, and the relay's interface completes what the program has made of it.
    withoutChecksumOffload(relay, HOST_INTERFACE);
    await sendThree('packets that the relay’s interface completes');
    withoutChecksumOffload(world.caller, HOST_INTERFACE);
    await sendThree('packets that came with their checksum');
    // The callee has checked them: a wrong one is counted there, and not heard.
    const text = inside(world.callee.namespace, 'cat', '/proc/net/snmp', '/proc/net/snmp6');
    assert.match(text, family === 4 ? /^Udp: \d+ \d+ 0 \d+ \d+ \d+ 0 /m : /^Udp6InErrors\s+0$/m);
  });

  test(`IPv${family}: for a next hop that is named no route is asked for`, async (t) => {
    const world = await openWorld(t, family);
    if (world === undefined) {
      return;
    }
    const { table, key, flow, phone, relay, callee, heard } = world;
    world.attach();
    // An address that the relay has no route to.
    const far = family === 4 ? '198.51.100.9' : '2001:db8:99::9';
    addAddress(callee, family, `${far}/${family === 4 ? 32 : 128}`);
    const ear = bindInNamespace(openScope(t), { ...callee, address: far }, 5002);
    ear.on('message', (packet) => heard.push({ packet, from: 'far' }));
    const routed = { ...flow, nextHop: callee.address, destination: { address: far, port: 5002 } };
    assert.equal(table.install(key, routed).kind, 'installed');
    phone.send(rtpPacket({ ssrc: SSRC }), 10_000, relay.address);
    await waitFor('the packet', () => heard.length === 1);
    assert.equal(heard[0]?.from, 'far');
  });
}

test('while the neighbour is asked for its hardware address nothing is lost', async (t) => {
  const world = await openWorld(t, 4);
  if (world === undefined) {
    return;
  }
  const { table, key, flow, phone, relay, heard } = world;
  world.attach();
  assert.equal(table.install(key, flow).kind, 'installed');
  inside(relay.namespace, 'ip', 'neigh', 'flush', 'dev', HOST_INTERFACE);
  for (let sequence = 0; sequence < 10; sequence += 1) {
    phone.send(rtpPacket({ ssrc: SSRC, sequence }), 10_000, relay.address);
  }
  await waitFor('ten packets', () => heard.length === 10);
});

test('somebody who captures sees packets come and go, and each as it was there', async (t) => {
  if (!peersPresent(t, 'tshark')) {
    return;
  }
  const world = await openWorld(t, 4);
  if (world === undefined) {
    return;
  }
  const { table, key, flow, phone, relay, caller, callee, heard } = world;
  world.attach();
  assert.equal(table.install(key, flow).kind, 'installed');
  const capture = await startCapture(openScope(t), relay.namespace, HOST_INTERFACE);
  const ways = [`${caller.address}:4000 ${relay.address}:10000`, `${relay.address}:10002 ${callee.address}:5000`];
  let sent = 0;
  // The capture may begin a moment after it says so, and its file lags behind.
  await waitFor('ten packets of each way in the capture', async () => {
    phone.send(rtpPacket({ ssrc: SSRC, sequence: sent }), 10_000, relay.address);
    sent += 1;
    const seen = await capture.soFar().catch(() => []);
    return ways.every((way) => seen.filter(({ from, to }) => `${from} ${to}` === way).length >= 10);
  });
  await waitFor('all packets', () => heard.length === sent);
  assert.deepEqual(
    heard.map(({ packet }) => packet.readUInt16BE(2)),
    Array.from({ length: sent }, (_, index) => index),
  );
  assert.equal(table.counters(key)?.packets, sent);
});

test('a stream that goes both ways by turns, kernel and socket, loses no packet and reorders none', async (t) => {
  const world = await openWorld(t, 4);
  if (world === undefined) {
    return;
  }
  const { table, key, flow, phone, inner, outer, relay, callee, heard } = world;
  const count = 3000;
  let inKernel = 0;
  // The portable relay of this test: what the kernel leaves to the socket is sent on and settled.
  let settle = (): void => {};
  inner.on('message', (packet) => !packet.equals(HELLO) && outer.send(packet, 5000, callee.address, () => settle()));
  world.attach();
  for (let sequence = 0; sequence < count; sequence += 1) {
    // Installed, removed and installed again on the way.
    if (sequence % 1000 === 100) {
      const installed = table.install(key, { ...flow, keepOrder: true });
      assert.ok(installed.kind === 'installed');
      settle = () => installed.handle.settle();
      // What was under way before is through before the kernel takes the next one.
      await waitFor('those before', () => heard.length === sequence);
      installed.handle.settleAll();
    } else if (sequence % 1000 === 900) {
      inKernel += table.remove(key)?.packets ?? 0;
    }
    const payloadType = sequence % 7 === 0 ? KEY_PRESS : AUDIO;
    phone.send(rtpPacket({ ssrc: SSRC, sequence, payloadType }), 10_000, relay.address);
    if (sequence % 20 === 0) {
      await waitFor('most of them', () => heard.length > sequence - 100, { intervalMs: 1 });
    }
  }
  await waitFor('all of them', () => heard.length >= count);
  assert.deepEqual(
    heard.map(({ packet }) => packet.readUInt16BE(2)),
    Array.from({ length: count }, (_, index) => index),
  );
  assert.ok(inKernel > 0 && inKernel < count);
});

test('without the process that looks after it the program lets everything pass', async (t) => {
  const world = await openWorld(t, 4);
  if (world === undefined) {
    return;
  }
  const { kernel, table, key, flow, phone, relay, heard } = world;
  const seen = collect(world.inner);
  world.attach();
  assert.equal(table.install(key, flow).kind, 'installed');
  kernel.keepAlive(0);
  phone.send(rtpPacket({ ssrc: SSRC }), 10_000, relay.address);
  await waitFor('the packet on the socket', () => seen.length === 1);
  assert.equal(kernel.left.dead, 1);
  assert.equal(heard.length, 0);
});

function withIpv6<T extends Record<string, Host>>(hosts: T): T {
  const entries = Object.entries(hosts).map(([name, { namespace }], index): [string, Host] => {
    const address = `fd79::${index + 1}`;
    addAddress({ namespace }, 6, `${address}/64`);
    return [name, { namespace, address }];
  });
  return Object.fromEntries(entries) as T;
}

/** Without duplicate address detection: it can be used at once. */
function addAddress({ namespace }: Pick<Host, 'namespace'>, family: AddressFamily, prefix: string): void {
  const nodad = family === 6 ? ['nodad'] : [];
  inside(namespace, 'ip', 'address', 'add', prefix, 'dev', HOST_INTERFACE, ...nodad);
}

/** What the program makes of the wire is the subject here, not how soon a new network finds its neighbours. */
async function reach(from: Socket, to: Socket, { address }: Host): Promise<void> {
  let reached = false;
  to.once('message', () => {
    reached = true;
  });
  await waitFor(`a packet to ${address}`, () => {
    if (!reached) {
      from.send(HELLO, to.address().port, address);
    }
    return reached;
  });
}

function collect(socket: Socket): Buffer[] {
  const seen: Buffer[] = [];
  socket.on('message', (packet) => {
    if (!packet.equals(HELLO)) {
      seen.push(packet);
    }
  });
  return seen;
}

function indexOf({ namespace }: Host): number {
  return Number(inside(namespace, 'cat', `/sys/class/net/${HOST_INTERFACE}/ifindex`));
}

function attach(scope: Scope, bpf: Bpf, { namespace }: Host, program: number, ifindex: number): void {
  const link = inNamespace(namespace, () => bpf.attachIngress(program, ifindex));
  assert.ok(link.ok, JSON.stringify(link));
  scope.defer(() => bpf.close(link.value));
}
