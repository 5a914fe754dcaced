/** `ims-launch check`: addresses, ports and firewalls, in network namespaces of the test's own where rules are needed. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Checked, check, codesOf } from '../support/check.ts';
import { choosePlace, configure, fixture, type LaunchPlace } from '../support/launcher.ts';
import { type Host, inside, openNetwork } from '../support/network.ts';
import { type PeerName, peersPresent } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { openScope, type Scope } from '../support/scope.ts';

interface World {
  readonly scope: Scope;
  readonly place: LaunchPlace;
  readonly host: Host;
}

/** A host of its own, with a configuration for its address; undefined: the test has been skipped aloud. */
async function openWorld(t: TestContext, ...peers: PeerName[]): Promise<World | undefined> {
  if (!peersPresent(t, 'network namespaces', ...peers)) {
    return undefined;
  }
  const scope = openScope(t);
  const { ims: host } = await openNetwork(scope, ['ims']);
  const place = await choosePlace(scope);
  await configure(place, { SERVER_ADDR: host.address });
  return { scope, place, host };
}

function checkIn({ scope, place, host }: World, env: Readonly<Record<string, string>> = {}): Promise<Checked> {
  return check(scope, place, { namespace: host.namespace, env });
}

/** What is to be pasted, with the `sudo` of people left out. */
function paste(host: Host, fix: string): void {
  inside(host.namespace, 'sh', '-c', fix.replace(/^sudo /, ''));
}

test('server-addr-unresolved: a name that nobody knows', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { SERVER_ADDR: 'no-such-host.invalid' });
  const result = await check(scope, place);
  const { evidence, fix } = result.finding('server-addr-unresolved');
  assert.equal(codesOf(result)[0], 'server-addr-unresolved', 'what keeps the system from starting is mended first');
  assert.match(evidence, /^the host name "no-such-host\.invalid" \(.*\) does not resolve: /);
  assert.match(fix, /^getent hosts no-such-host\.invalid \|\| SERVER_IP=AUTO_DETECT node /);
});

test('bind-address-strange: relay.bindAddress is none of this machine', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { relay: { bindAddress: '203.0.113.9' } });
  const { evidence } = (await check(scope, place)).finding('bind-address-strange');
  assert.equal(evidence, 'relay.bindAddress 203.0.113.9 is not an address of this machine');
});

test('nat-one-to-one: SERVER_ADDR is on no interface', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place, { SERVER_ADDR: '203.0.113.9' });
  const { evidence, severity } = (await check(scope, place)).finding('nat-one-to-one');
  assert.match(evidence, /^203\.0\.113\.9 \(SERVER_ADDR\) is on no interface/);
  assert.ok(evidence.includes(`udp ${place.sipPort} and ${place.minPort}-${place.maxPort} unchanged`), evidence);
  assert.equal(severity, 'warns');
});

test('container-network: a container that shares nothing with its host and tells an inner address', async (t) => {
  const world = await openWorld(t);
  if (world === undefined) {
    return;
  }
  await configure(world.place, { SERVER_ADDR: 'AUTO_DETECT' });
  const { evidence, fix } = (await checkIn(world, { container: 'docker' })).finding('container-network');
  assert.match(evidence, /^this container has a network of its own \(10\.79\.0\.1\) and tells phones 10\.79\.0\.1,/);
  assert.match(fix, /^docker run --network host /);
  await configure(world.place, { SERVER_ADDR: '203.0.113.9' });
  assert.ok(!codesOf(await checkIn(world, { container: 'docker' })).includes('container-network'));
});

test('media-firewalled, sip-firewalled: nftables drops what no rule accepts, until the rules given are there', async (t) => {
  const world = await openWorld(t, 'nftables');
  if (world === undefined) {
    return;
  }
  const { host, place } = world;
  const rules = [
    'table inet filter {',
    'chain services { tcp dport 22 accept; }',
    'chain input { type filter hook input priority 0; policy drop;',
    'iif lo accept; ct state established,related accept; jump services; meta l4proto icmp accept; }',
    '}',
  ];
  const path = join(place.directory, 'rules.nft');
  await writeFile(path, rules.join('\n'));
  inside(host.namespace, 'nft', '-f', path);
  const result = await checkIn(world);
  const media = result.finding('media-firewalled');
  assert.equal(
    media.evidence,
    `the firewall of this machine closes udp ${place.minPort} of the media ports: nft table inet filter, chain input: policy drop, and no rule lets it in`,
  );
  paste(host, media.fix);
  paste(host, result.finding('sip-firewalled').fix);
  assert.deepEqual(
    codesOf(await checkIn(world)).filter((code) => code.endsWith('firewalled')),
    [],
  );
});

test('media-firewalled: a rule of nftables that drops part of the range, and one that only some senders meet', async (t) => {
  const world = await openWorld(t, 'nftables');
  if (world === undefined) {
    return;
  }
  const { host, place } = world;
  inside(host.namespace, 'nft', 'add', 'table', 'ip', 'own');
  inside(host.namespace, 'nft', 'add chain ip own in { type filter hook prerouting priority -300; policy accept; }');
  inside(
    host.namespace,
    'nft',
    `add rule ip own in ip saddr 192.0.2.0/24 udp dport ${place.minPort}-${place.maxPort} drop`,
  );
  assert.ok(!codesOf(await checkIn(world)).includes('media-firewalled'));
  inside(host.namespace, 'nft', `add rule ip own in udp dport { ${place.maxPort - 4}-${place.maxPort} } counter drop`);
  const result = await checkIn(world);
  assert.match(
    result.finding('media-firewalled').evidence,
    new RegExp(`closes udp ${place.maxPort} of the media ports: nft table ip own, chain in, rule handle \\d+$`),
  );
  assert.ok(!codesOf(result).includes('sip-firewalled'));
});

test('media-firewalled: iptables, a chain of its own and a policy', async (t) => {
  const world = await openWorld(t, 'iptables');
  if (world === undefined) {
    return;
  }
  const { host, place } = world;
  const iptables = (...args: string[]): string => inside(host.namespace, 'iptables', '-w', '5', ...args);
  iptables('-N', 'phones');
  iptables('-A', 'phones', '-p', 'udp', '-m', 'multiport', '--dports', `5,${place.sipPort}`, '-j', 'ACCEPT');
  iptables('-A', 'INPUT', '-m', 'comment', '--comment', 'udp -j DROP', '-j', 'phones');
  iptables('-A', 'INPUT', '-i', 'lo', '-j', 'ACCEPT');
  iptables('-A', 'INPUT', '-p', 'udp', '-m', 'udp', '--dport', `${place.minPort}:${place.maxPort}`, '-j', 'REJECT');
  const result = await checkIn(world);
  const { evidence, fix } = result.finding('media-firewalled');
  assert.match(
    evidence,
    new RegExp(`: iptables -A INPUT -p udp -m udp --dport ${place.minPort}:${place.maxPort} -j REJECT`),
  );
  assert.equal(fix, `sudo iptables -I INPUT -p udp --dport ${place.minPort}:${place.maxPort} -j ACCEPT`);
  paste(host, fix);
  iptables('-P', 'INPUT', 'DROP');
  const after = codesOf(await checkIn(world));
  assert.ok(!after.includes('media-firewalled') && !after.includes('sip-firewalled'), after.join());
});

test('media-range-small: a range with room for one call', async (t) => {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure({ ...place, maxPort: place.minPort + 5 });
  const { evidence } = (await check(scope, place)).finding('media-range-small');
  assert.equal(evidence, `media ports ${place.minPort}-${place.minPort + 5} have room for 1 call(s), four ports each`);
});

test('media-range-ephemeral: the system gives the ports away, until they are reserved as told', async (t) => {
  const world = await openWorld(t);
  if (world === undefined) {
    return;
  }
  const { host, place } = world;
  const [low, high] = [place.minPort - 100, place.maxPort + 100];
  inside(host.namespace, 'sysctl', '-qw', `net.ipv4.ip_local_port_range=${low} ${high}`);
  const { evidence, fix } = (await checkIn(world)).finding('media-range-ephemeral');
  assert.match(evidence, new RegExp(`overlap the system’s own ${low}-${high} `));
  paste(host, fix);
  assert.ok(!codesOf(await checkIn(world)).includes('media-range-ephemeral'));
});

test('media-range-taken: another program holds a port of the range', async (t) => {
  const world = await openWorld(t);
  if (world === undefined) {
    return;
  }
  const { scope, place, host } = world;
  await configure(place, { SERVER_ADDR: '127.0.0.1' });
  const holder = Program.start(scope, {
    name: 'udp-holder',
    command: fixture('udp-holder', place.minPort + 4),
    namespace: host.namespace,
  });
  await holder.waitForLine(/holding/);
  const { evidence, fix } = (await checkIn(world)).finding('media-range-taken');
  assert.match(evidence, new RegExp(`others hold ${place.minPort + 4}: process \\d+ \\(.*udp-holder\\.js`));
  paste(host, fix);
  await holder.waitForExit();
  assert.ok(!codesOf(await checkIn(world)).includes('media-range-taken'));
});
