/** Media ports of ims-relay on machines that lack something: what is said at the start, and at each call. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fieldOf } from '../support/launcher.ts';
import { openNetwork } from '../support/network.ts';
import { peersPresent } from '../support/peers.ts';
import { freePortRange, freeUdpPort } from '../support/ports.ts';
import { Program, runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { askRelay } from '../support/rtpp.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { boundUdpPorts } from '../support/survivors.ts';
import { startRelay } from '../support/test-relay.ts';
import { waitFor } from '../support/wait.ts';

async function hold(scope: Scope, port: number): Promise<void> {
  const socket: Socket = createSocket('udp4');
  scope.defer(() => void socket.close());
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
}

/** A relay in a namespace, asked over its standard input. */
function relayIn(scope: Scope, namespace: string, ...args: string[]): Program {
  return Program.start(scope, {
    namespace,
    command: [process.execPath, binary('ims-relay'), '-F', '-s', 'stdio:', ...args],
  });
}

test('pain 8: a range that sessions have used up, and one that other programs hold, are told apart', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope, 4);
  for (let call = 0; call < 4; call++) {
    await relay.grant(`U c${call} 127.0.0.1 4000 A`);
  }
  assert.equal(await relay.ask('U more 127.0.0.1 4000 A'), 'E72');
  await relay.program.waitForLine(/"reason":"used-up".*sessions have them all: widen the range/);
  await relay.ask('X');
  // A plane may close its sockets a moment after the reply.
  await waitFor('the release of the range', () => {
    const bound = boundUdpPorts();
    return !Array.from({ length: 8 }, (_, offset) => relay.minPort + offset).some((port) => bound.has(port));
  });
  for (let pair = 0; pair < 4; pair++) {
    // Of every other pair the RTCP port alone is taken: a pair is had whole or not at all.
    await hold(scope, relay.minPort + pair * 2 + (pair % 2));
  }
  assert.equal(await relay.ask('U held 127.0.0.1 4000 A'), 'E72');
  await relay.program.waitForLine(/"reason":"in-use".*other programs hold those that were tried/);
  assert.equal(await relay.ask('G nsess_created nsess_destroyed'), '4 4');
});

test('pains 9, 12: without files for more sockets a call is refused and leaks none; one that ends makes room', async (t) => {
  const scope = openScope(t);
  const control = await freeUdpPort();
  const minPort = freePortRange(200);
  // Node itself has some 20 files open.
  const program = Program.start(scope, {
    command: [
      ...(['prlimit', '--nofile=64:64', process.execPath, binary('ims-relay')] as const),
      ...['-F', '-s', `udp:127.0.0.1:${control}`, '-l', '127.0.0.1', '-m', `${minPort}`, '-M', `${minPort + 199}`],
    ],
  });
  const warning = await program.waitForLine(/too few files may be open/);
  assert.equal(fieldOf(warning, 'limit'), 64);
  assert.match(String(fieldOf(warning, 'remedy')), /^ulimit -Hn \d+; in a unit LimitNOFILE=\d+$/);
  const ready = await program.waitForLine(/relay ready/);
  assert.equal(fieldOf(ready, 'calls'), fieldOf(warning, 'calls'));
  const files = (): number => readdirSync(`/proc/${program.pid}/fd`).length;
  const before = files();
  let granted = 0;
  let reply = await askRelay(control, 'U c0 127.0.0.1 4000 A');
  while (/^\d+ /.test(reply) && granted < 100) {
    granted += 1;
    reply = await askRelay(control, `U c${granted} 127.0.0.1 4000 A`);
  }
  assert.equal(reply, 'E72');
  assert.ok(granted >= 5 && granted < 64 / 2, `${granted} sessions`);
  assert.ok(Number(fieldOf(ready, 'calls')) * 2 <= granted, 'no more is promised than there is');
  assert.match(await program.waitForLine(/"reason":"no-descriptors"/), /too many open files; raise the hard limit/);
  await waitFor('two sockets a session', () => files() <= before + granted * 2);
  assert.equal(await askRelay(control, 'D c0 A'), '0');
  assert.match(await askRelay(control, 'U next 127.0.0.1 4000 A'), /^\d+ /);
  await askRelay(control, 'X');
  await waitFor('the release of all', () => files() <= before);
});

test('the capacity is that of the port range where nothing else is short', async (t) => {
  const relay = await startRelay(openScope(t), 20);
  const ready = await relay.program.waitForLine(/relay ready/);
  assert.equal(fieldOf(ready, 'calls'), 10, 'two pairs a call');
  assert.doesNotMatch(relay.program.output, /too few files/);
});

test('pain 11: without -b a pair rests after its session; with -b the ports go round', async (t) => {
  const scope = openScope(t);
  const random = await startRelay(scope, 4);
  const first = await random.grant('U c1 127.0.0.1 4000 A');
  await random.ask('D c1 A');
  for (const call of ['c2', 'c3', 'c4']) {
    assert.notEqual(await random.grant(`U ${call} 127.0.0.1 4000 A`), first, 'another is free');
  }
  assert.equal(await random.grant('U c5 127.0.0.1 4000 A'), first, 'none other is left');

  const { grant, ask, minPort } = await startRelay(scope, 3, '-b');
  for (const port of [0, 2, 4, 0]) {
    assert.equal(await grant('U c 127.0.0.1 4000 A'), minPort + port);
    await ask('D c A');
  }
});

function needsNetwork(t: TestContext): boolean {
  return peersPresent(t, 'iproute2', 'network namespaces');
}

test('an address that goes away while the relay runs is named at the call that needs it', async (t) => {
  if (!needsNetwork(t)) {
    return;
  }
  const scope = openScope(t);
  const { host } = await openNetwork(scope, ['host']);
  const relay = relayIn(scope, host.namespace, '-l', host.address);
  await relay.waitForLine(/relay ready/);
  relay.write('U c1 127.0.0.1 4000 A\n');
  await relay.waitForLine(new RegExp(`^\\d+ ${host.address}$`));
  inside(host.namespace, 'ip', 'address', 'flush', 'dev', 'eth0');
  relay.write('U c2 127.0.0.1 4000 A\n');
  await relay.waitForLine(/^E72$/);
  const line = await relay.waitForLine(/"reason":"not-local"/);
  assert.match(line, /EADDRNOTAVAIL/);
  assert.match(line, /give a local one to -l/);
});

test('an address on which no port can be opened ends the start, with flag and remedy', async (t) => {
  if (!needsNetwork(t)) {
    return;
  }
  const scope = openScope(t);
  const { host } = await openNetwork(scope, ['host']);
  inside(host.namespace, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1');
  const start = (command: readonly [string, ...string[]]) => runProgram(scope, { namespace: host.namespace, command });
  const relay = [process.execPath, binary('ims-relay'), '-F', '-s', 'stdio:'] as const;

  const noIpv6 = await start([...relay, '-l', host.address, '-6', 'six@::1']);
  assert.equal(noIpv6.code, 1);
  assert.match(noIpv6.output, /-6 ::1: no media port can be opened on \[::1\]:35000: .*(?:EADDRNOTAVAIL|EAFNOSUPPORT)/);
  assert.match(noIpv6.output, /"ip addr" lists them/);

  // Root without the one capability that low ports take.
  const weak = ['setpriv', '--bounding-set', '-net_bind_service', '--inh-caps', '-net_bind_service'] as const;
  const lowPort = await start([...weak, ...relay, '-l', host.address, '-m', '100', '-M', '200']);
  assert.equal(lowPort.code, 1);
  assert.match(lowPort.output, /-l 10\.\S+: no media port .*:100: the system does not permit it; ports below 1024/);
});

test('pain 10: media ports among those that the system hands out are warned of, with the line that reserves them', async (t) => {
  if (!needsNetwork(t)) {
    return;
  }
  const scope = openScope(t);
  const { host } = await openNetwork(scope, ['host']);
  inside(host.namespace, 'sysctl', '-qw', 'net.ipv4.ip_local_port_range=32768 60999');
  inside(host.namespace, 'sysctl', '-qw', 'net.ipv4.ip_local_reserved_ports=8080');
  const range = ['-l', host.address, '-m', '40000', '-M', '40099'];
  const warned = relayIn(scope, host.namespace, ...range);
  const remedy = String(fieldOf(await warned.waitForLine(/media ports overlap/), 'remedy'));
  assert.equal(remedy, 'sysctl -w net.ipv4.ip_local_reserved_ports=8080,40000-40099');
  await warned.waitForLine(/relay ready/);
  await warned.stop();

  const [file = '', ...words] = remedy.split(' ');
  inside(host.namespace, file, ...words);
  const content = relayIn(scope, host.namespace, ...range);
  await content.waitForLine(/relay ready/);
  assert.doesNotMatch(content.output, /overlap/);
});

function inside(namespace: string, ...command: string[]): void {
  execFileSync('ip', ['netns', 'exec', namespace, ...command], { timeout: 10_000 });
}
