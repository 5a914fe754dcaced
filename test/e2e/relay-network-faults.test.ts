/** What a network does to a relay in the middle of a call: closed ports, a firewall, a link that goes and comes. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AttackedRelay, type HostName, openAttackNetwork, Phone } from '../support/attack-world.ts';
import { HOST_INTERFACE, type Host, inside } from '../support/network.ts';
import { peersPresent } from '../support/peers.ts';
import { planesHere } from '../support/planes.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { waitFor } from '../support/wait.ts';

const GENEROUS = { timeoutMs: 20_000 };

/** Longer than a burst of a log limit, so that a line a packet would show. */
const TROUBLE_MS = 600;

/** Lines of the log that trouble of any length may cost. */
const FEW_LINES = 10;

interface World {
  readonly hosts: Record<HostName, Host>;
  readonly relay: AttackedRelay;
  readonly alice: Phone;
  readonly bob: Phone;
}

/** Alice and bob talk; bob is heard by alice, and she by him unless his port is to be closed. */
async function talking(t: TestContext, scope: Scope, plane: string): Promise<World> {
  const hosts = await openAttackNetwork(scope);
  const relay = await AttackedRelay.start(scope, hosts.relay, 10, `--plane=${plane}`);
  const alice = new Phone(scope, hosts.alice, 4000);
  const bob = new Phone(scope, hosts.bob, 4000);
  [alice.partner, bob.partner] = [bob, alice];
  const forBob = await relay.grant(`U call ${hosts.alice.address} ${alice.port} A`);
  const forAlice = await relay.grant(`L call ${hosts.bob.address} ${bob.port} A B`);
  alice.talk(forAlice);
  bob.talk(forBob);
  const world = { hosts, relay, alice, bob };
  await heardAgain(world);
  t.diagnostic(`plane ${plane}`);
  return world;
}

async function heardAgain({ alice, bob }: World): Promise<void> {
  const [ofAlice, ofBob] = [bob.heard.size + 10, alice.heard.size + 10];
  await waitFor('both to be heard', () => bob.heard.size >= ofAlice && alice.heard.size >= ofBob, GENEROUS);
}

/** Lets trouble last, and asserts what it costs: no busy loop, no flood of lines. Gives the errors counted in it. */
async function endure(t: TestContext, { relay }: World, kind = 'nerrs_media'): Promise<number> {
  const [before = 0] = await relay.counters(kind);
  const [cpu, lines] = [relay.cpuMs, relay.program.output.split('\n').length];
  await sleep(TROUBLE_MS);
  const [spent, said] = [relay.cpuMs - cpu, relay.program.output.split('\n').length - lines];
  const [after = 0] = await relay.counters(kind);
  t.diagnostic(`${after - before} errors counted, ${spent} ms of CPU in ${TROUBLE_MS} ms, ${said} lines of log`);
  assert.ok(said <= FEW_LINES, `${said} lines`);
  assert.ok(spent < TROUBLE_MS * 0.7, `${spent} ms: a busy loop`);
  return after - before;
}

for (const plane of await planesHere()) {
  test(`bad input: a firewall that refuses every packet (EPERM) costs packets, no call (${plane} plane)`, async (t) => {
    if (!peersPresent(t, 'network namespaces', 'nftables')) return;
    const scope = openScope(t);
    const world = await talking(t, scope, plane);
    const { namespace } = world.hosts.relay;
    const nft = (...words: string[]): string => inside(namespace, 'nft', ...words);
    nft('add table inet wall');
    nft('add chain inet wall out { type filter hook output priority 0 ; }');
    nft('add rule inet wall out udp sport 20000-20100 drop');
    assert.ok((await endure(t, world, 'nerrs_firewall')) > 5, 'they are counted');
    nft('delete table inet wall');
    await heardAgain(world);
  });

  test(`bad input: a party to whom there is no way any more costs packets, no call (${plane} plane)`, async (t) => {
    if (!peersPresent(t, 'network namespaces')) return;
    const scope = openScope(t);
    const world = await talking(t, scope, plane);
    const { relay, bob } = world.hosts;
    // EHOSTUNREACH, EACCES, EINVAL.
    for (const [kind, counter] of [
      ['unreachable', 'nerrs_noroute'],
      ['prohibit', 'nerrs_firewall'],
      ['blackhole', 'nerrs_noroute'],
    ] as const) {
      inside(relay.namespace, 'ip', 'route', 'add', kind, `${bob.address}/32`);
      assert.ok((await endure(t, world, counter)) > 5, `${kind}: they are counted`);
      inside(relay.namespace, 'ip', 'route', 'delete', `${bob.address}/32`);
      await heardAgain(world);
    }
  });

  test(`bad input: a link that goes down and comes back costs packets, no call (${plane} plane)`, async (t) => {
    if (!peersPresent(t, 'network namespaces')) return;
    const scope = openScope(t);
    const world = await talking(t, scope, plane);
    const { namespace } = world.hosts.relay;
    inside(namespace, 'ip', 'link', 'set', HOST_INTERFACE, 'down');
    await endure(t, world);
    inside(namespace, 'ip', 'link', 'set', HOST_INTERFACE, 'up');
    await heardAgain(world);
  });

  test(`bad input: an interface that disappears ends no relay and no session (${plane} plane)`, async (t) => {
    if (!peersPresent(t, 'network namespaces')) return;
    const scope = openScope(t);
    const world = await talking(t, scope, plane);
    inside(world.hosts.relay.namespace, 'ip', 'link', 'delete', HOST_INTERFACE);
    await endure(t, world);
    assert.match(await world.relay.ask('I'), /active sessions: 1/);
    assert.equal(await world.relay.ask('D call A B'), '0');
  });

  test(`bad input: a party whose port is closed (ICMP) is heard again when it is back (${plane} plane)`, async (t) => {
    if (!peersPresent(t, 'network namespaces')) return;
    const scope = openScope(t);
    const world = await talking(t, scope, plane);
    const { hosts, relay, alice } = world;
    // Nobody listens at the address that signalling names now: each packet to it comes back as an ICMP error.
    await relay.ask(`L call ${hosts.bob.address} 5000 A B`);
    world.bob.fallSilent();
    await endure(t, world);
    const back = new Phone(scope, hosts.bob, 5000);
    [back.partner, alice.partner] = [alice, back];
    await waitFor('alice to be heard there', () => back.heard.size > 5, GENEROUS);
  });
}
