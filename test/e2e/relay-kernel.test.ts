/** The shipped ims-relay with the kernel plane, in a network of its own: its calls, its end, and where it may not have one. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AttackedRelay, type Destination, type HostName, openAttackNetwork, Phone } from '../support/attack-world.ts';
import { rtcpDatagram } from '../support/datagram-view.ts';
import { fixture } from '../support/launcher.ts';
import { type Host, inside } from '../support/network.ts';
import { peersPresent } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { waitFor } from '../support/wait.ts';

const GENEROUS = { timeoutMs: 30_000 };

interface World {
  readonly scope: Scope;
  readonly hosts: Record<HostName, Host>;
  readonly relay: AttackedRelay;
}

async function open(t: TestContext, ...more: string[]): Promise<World> {
  const scope = openScope(t);
  const hosts = await openAttackNetwork(scope);
  const relay = await AttackedRelay.start(scope, hosts.relay, 10, '--plane=kernel', ...more);
  assert.match(relay.program.output, /"plane":"kernel"/);
  return { scope, hosts, relay };
}

interface Call {
  readonly alice: Phone;
  readonly bob: Phone;
  readonly forAlice: Destination;
  readonly forBob: Destination;
}

async function call(
  { scope, hosts }: Pick<World, 'scope' | 'hosts'>,
  relay: AttackedRelay,
  port = 4000,
): Promise<Call> {
  const alice = new Phone(scope, hosts.alice, port);
  const bob = new Phone(scope, hosts.bob, port);
  [alice.partner, bob.partner] = [bob, alice];
  const forBob = await relay.grant(`U call ${alice.host.address} ${port} A`);
  const forAlice = await relay.grant(`L call ${bob.host.address} ${port} A B`);
  alice.talk(forAlice);
  bob.talk(forBob);
  return { alice, bob, forAlice, forBob };
}

async function inKernel(relay: AttackedRelay): Promise<number> {
  return (await relay.counters('npkts_kernel'))[0] ?? 0;
}

/** The kernel passes on so many packets more. */
async function forwarded(relay: AttackedRelay, more: number): Promise<void> {
  const before = await inKernel(relay);
  await waitFor('the kernel to forward', async () => (await inKernel(relay)) >= before + more, GENEROUS);
}

/** They fall silent, and each has heard every word of the other, in order. */
async function heardAll({ alice, bob }: Call): Promise<void> {
  alice.fallSilent();
  bob.fallSilent();
  await waitFor('every packet', () => bob.heard.size >= alice.sent && alice.heard.size >= bob.sent, GENEROUS);
  for (const { heard } of [alice, bob]) {
    const order = [...heard];
    const overtaken = order.filter((sequence, index) => sequence < (order[index - 1] ?? 0)).length;
    // Two, because a busy kernel may hand two packets of one sender to two processors.
    assert.ok(overtaken <= 2, `${overtaken} packets were overtaken`);
  }
  assert.deepEqual([alice.foreign, bob.foreign], [0, 0]);
}

test('the kernel forwards a call, which is counted as if it had passed here', async (t) => {
  if (!peersPresent(t, 'network namespaces', 'bpf')) return;
  const world = await open(t);
  const { relay } = world;
  const talk = await call(world, relay);
  await forwarded(relay, 60);
  const [flows] = await relay.counters('nflows_kernel');
  assert.equal(flows, 2);
  await heardAll(talk);
  const { alice, bob } = talk;
  const counts = await relay.ask('Q call A B');
  assert.equal(counts.split(' ').slice(1, 4).join(' '), `${alice.sent} ${bob.sent} ${alice.sent + bob.sent}`);
  assert.equal(await relay.ask('D call A B'), '0');
  const [kernel = 0, relayed = 0, lost, sent, now] = await relay.counters(
    ...['npkts_kernel', 'npkts_relayed', 'rtpa_nlost', 'rtpa_nsent', 'nflows_kernel'],
  );
  assert.deepEqual([lost, sent, now], [0, alice.sent + bob.sent, 0]);
  assert.ok(kernel >= 60 && kernel < relayed, `${kernel} of ${relayed}`);
  t.diagnostic(`${kernel} of ${alice.sent + bob.sent} RTP packets forwarded by the kernel, none lost`);
});

/** While each said ten words the kernel has forwarded none. */
async function talksPastKernel(relay: AttackedRelay, { alice, bob }: Call): Promise<boolean> {
  const [before, ofAlice, ofBob] = [await inKernel(relay), bob.heard.size + 10, alice.heard.size + 10];
  await waitFor('words', () => bob.heard.size >= ofAlice && alice.heard.size >= ofBob, GENEROUS);
  return (await inKernel(relay)) === before;
}

test('a call changes between kernel and sockets, again and again, and no packet is lost or out of order', async (t) => {
  if (!peersPresent(t, 'network namespaces', 'bpf')) return;
  const scope = openScope(t);
  const directory = await temporaryDirectory(scope);
  const world = await open(t, '-r', directory);
  const { relay } = world;
  const talk = await call(world, relay);
  for (let round = 0; round < 4; round += 1) {
    await forwarded(relay, 20);
    // Recorded: everything has to pass here. Afterwards the kernel has it again.
    for (const [from, to] of ['AB', 'BA']) {
      assert.equal(await relay.ask(`R call ${from} ${to}`), '0');
    }
    await waitFor('words of both, none of them by the kernel', () => talksPastKernel(relay, talk), GENEROUS);
    for (const [from, to] of ['AB', 'BA']) {
      await relay.ask(`N call ${from} ${to}`);
    }
    await forwarded(relay, 20);
    // The same address again, as in a session refresh: the flow is taken back and comes again.
    await relay.grant(`U call ${talk.alice.host.address} 4000 A B`);
  }
  await heardAll(talk);
  await relay.ask('D call A B');
  assert.ok(readdirSync(directory).length > 0, 'and something was recorded');
});

test('RTCP on the RTP port passes by the sockets, its RTP by the kernel, and neither is lost or overtaken', async (t) => {
  if (!peersPresent(t, 'network namespaces', 'bpf')) return;
  const world = await open(t);
  const { relay } = world;
  const talk = await call(world, relay);
  const { alice, bob, forAlice, forBob } = talk;
  await forwarded(relay, 20);
  for (let report = 1; report <= 20; report += 1) {
    alice.sendRaw(rtcpDatagram(alice.ssrc, 'phone'), forAlice);
    bob.sendRaw(rtcpDatagram(bob.ssrc, 'phone'), forBob);
    await waitFor('a report each way', () => alice.muxedReports >= report && bob.muxedReports >= report, GENEROUS);
  }
  await forwarded(relay, 40);
  assert.deepEqual(await relay.counters('nflows_kernel'), [2]);
  assert.deepEqual([alice.muxedReports, bob.muxedReports], [20, 20]);
  await heardAll(talk);
});

test('a route that changes takes the flows with it, and a party that moves to another port is followed', async (t) => {
  if (!peersPresent(t, 'network namespaces', 'bpf')) return;
  const world = await open(t);
  const { relay, hosts } = world;
  const talk = await call(world, relay);
  await forwarded(relay, 20);
  for (const change of ['add', 'del'] as const) {
    inside(hosts.relay.namespace, ...['ip', 'route', change, `${hosts.bob.address}/32`, 'dev', 'eth0', 'mtu', '1400']);
    await forwarded(relay, 20);
  }
  await heardAll(talk);
  talk.alice.talk(talk.forAlice);
  talk.bob.talk(talk.forBob);
  await forwarded(relay, 20);
  talk.alice.moveTo(hosts.alice, 5000);
  await waitFor('the kernel at the new port', () => talk.alice.foreign === 0 && talk.bob.heard.size > 0, GENEROUS);
  await forwarded(relay, 60);
  await relay.ask('D call A B');
  assert.equal((await relay.counters('nflows_kernel'))[0], 0);
});

test('kill -9: within 3 s nothing is forwarded any more, and the next relay forwards by the kernel again', async (t) => {
  if (!peersPresent(t, 'network namespaces', 'bpf')) return;
  const world = await open(t);
  const talk = await call(world, world.relay);
  await forwarded(world.relay, 20);
  world.relay.program.signal('SIGKILL');
  await world.relay.program.waitForExit();
  let heard = -1;
  await waitFor(
    'silence',
    async () => {
      const before = heard;
      heard = talk.alice.heard.size + talk.bob.heard.size;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return before === heard && talk.alice.heard.size + talk.bob.heard.size === heard;
    },
    GENEROUS,
  );
  talk.alice.fallSilent();
  talk.bob.fallSilent();
  const again = await AttackedRelay.start(world.scope, world.hosts.relay, 10, '--plane=kernel');
  const next = await call(world, again, 4100);
  await forwarded(again, 20);
  await heardAll(next);
});

test('without a capability, or where bpf is denied, the native plane takes over with one line, and calls pass', async (t) => {
  if (!peersPresent(t, 'network namespaces', 'bpf')) return;
  const scope = openScope(t);
  const hosts = await openAttackNetwork(scope);
  const control = join(await temporaryDirectory(scope), 'control');
  const [, preload = ''] = fixture('confined');
  const program = Program.start(scope, {
    name: 'ims-relay',
    command: [
      process.execPath,
      ...['--import', preload, binary('ims-relay'), '-f', '-F'],
      ...['-l', hosts.relay.address, '-s', `unix:${control}`, '--plane=kernel'],
    ],
    namespace: hosts.relay.namespace,
  });
  const ready = await program.waitForLine(/relay ready/, 30_000);
  assert.match(ready, /"plane":"native"/);
  assert.match(ready, /kernel: create map EPERM: Give this process CAP_BPF/);
  assert.equal(program.output.match(/stands in for the one asked for/g)?.length, 1);
});

test('no plane named: the kernel plane where it works; its media threads hold no capability, and calls pass', async (t) => {
  if (!peersPresent(t, 'network namespaces', 'bpf')) return;
  const scope = openScope(t);
  const hosts = await openAttackNetwork(scope);
  const relay = await AttackedRelay.start(scope, hosts.relay, 10);
  assert.match(relay.program.output, /"plane":"kernel","reason":"the fastest that works here"/);
  const talk = await call({ scope, hosts }, relay);
  await forwarded(relay, 20);
  await heardAll(talk);
  const process = `/proc/${relay.program.pid}`;
  const without = readdirSync(`${process}/task`).filter((thread) => {
    const status = readFileSync(`${process}/task/${thread}/status`, 'utf8');
    return /^CapPrm:\t0+$/m.test(status) && /^CapEff:\t0+$/m.test(status);
  });
  assert.ok(without.length >= 1, 'threads without a capability');
  assert.match(readFileSync(`${process}/status`, 'utf8'), /^CapEff:\t0*[1-9a-f]/m, 'the control thread keeps its own');
});
