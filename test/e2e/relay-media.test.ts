/** RTP and RTCP through the shipped ims-relay, with real sockets on loopback. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { rtpDatagram } from '../support/datagram-view.ts';
import { converse, RtpParty } from '../support/rtp-party.ts';
import { activeSessions } from '../support/rtpp.ts';
import { openScope } from '../support/scope.ts';
import { boundUdpPorts } from '../support/survivors.ts';
import { startRelay, startSession } from '../support/test-relay.ts';
import { waitFor } from '../support/wait.ts';

test('RTP and RTCP pass both ways and leave from the port that the receiver was told', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope);
  const caller = await RtpParty.open(scope, 'caller');
  const callee = await RtpParty.open(scope, 'callee');
  const { forCaller, forCallee } = await startSession(relay, caller, callee);

  await converse({ party: caller, to: forCaller }, { party: callee, to: forCallee });

  for (const { fromPort } of caller.heardFrom(callee)) {
    assert.equal(fromPort, forCaller.port);
  }
  for (const { fromPort } of callee.heardFrom(caller)) {
    assert.equal(fromPort, forCallee.port);
  }
  assert.deepEqual(
    caller.reportsFrom(callee).map(({ fromPort }) => fromPort),
    [forCaller.port + 1],
  );
  assert.deepEqual(
    callee.reportsFrom(caller).map(({ fromPort }) => fromPort),
    [forCallee.port + 1],
  );
  assert.equal(await relay.ask('Q call A B npkts_ina npkts_ino nrelayed ndropped rtpa_nlost'), '25 25 50 0 0');
  assert.equal(await relay.ask('G npkts_rcvd npkts_relayed npkts_discard'), '52 52 0');
});

test('two parties behind NAT, whose signalled addresses are wrong, hear each other', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope);
  const caller = await RtpParty.open(scope, 'caller');
  const callee = await RtpParty.open(scope, 'callee');
  const forCallee = { address: '127.0.0.1', port: await relay.grant('U call 192.168.77.1 4000 A') };
  const forCaller = { address: '127.0.0.1', port: await relay.grant('L call 192.168.77.2 5000 A B') };

  // RTCP is believed only from where RTP came from, so RTP has to come first.
  await Promise.all([caller.talk(forCaller, 6), callee.talk(forCallee, 6)]);
  await converse({ party: caller, to: forCaller }, { party: callee, to: forCallee });
});

test('pain 29: IPv4 and IPv6 parties hear each other, in each of the four pairings', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope, 20, '-6', '/::1', '--bridge_symmetric');
  for (const [directions, from, to] of [
    ['II', '127.0.0.1', '127.0.0.1'],
    ['IE', '127.0.0.1', '::1'],
    ['EI', '::1', '127.0.0.1'],
    ['EE', '::1', '::1'],
  ] as const) {
    const caller = await RtpParty.open(scope, 'caller', from);
    const callee = await RtpParty.open(scope, 'callee', to);
    const family = (address: string): string => (address === '::1' ? '6' : '');
    const offered = await relay.ask(`U${family(from)}${directions} ${directions} ${from} ${caller.port} A`);
    const back = [...directions].reverse().join('');
    const answered = await relay.ask(`L${family(to)}${back} ${directions} ${to} ${callee.port} A B`);
    assert.match(offered, new RegExp(`^[0-9]+ ${to}`), directions);
    assert.match(answered, new RegExp(`^[0-9]+ ${from}`), directions);
    await converse(
      { party: caller, to: { address: from, port: Number.parseInt(answered, 10) } },
      { party: callee, to: { address: to, port: Number.parseInt(offered, 10) } },
      10,
    );
  }
});

test('a stranger is neither heard nor heard of once the party has spoken', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope);
  const caller = await RtpParty.open(scope, 'caller');
  const callee = await RtpParty.open(scope, 'callee');
  const stranger = await RtpParty.open(scope, 'stranger', '127.0.0.9');
  const { forCaller, forCallee } = await startSession(relay, caller, callee);
  await converse({ party: caller, to: forCaller }, { party: callee, to: forCallee }, 10);

  await stranger.talk(forCaller, 10);
  await stranger.talk(forCallee, 10);
  await converse({ party: caller, to: forCaller }, { party: callee, to: forCallee }, 10);

  assert.equal(callee.heardFrom(stranger).length + caller.heardFrom(stranger).length, 0);
  assert.equal(stranger.rtp.length + stranger.rtcp.length, 0);
  assert.equal(await relay.ask('G npkts_discard'), '22');
});

test('a packet of a stranger does not draw the media of a party that only listens', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope);
  const listener = await RtpParty.open(scope, 'listener');
  const talker = await RtpParty.open(scope, 'talker');
  const stranger = await RtpParty.open(scope, 'stranger', '127.0.0.9');
  const { forCaller, forCallee } = await startSession(relay, listener, talker);

  await stranger.talk(forCaller, 1);
  await talker.talk(forCallee, 10);

  await waitFor('the media', () => listener.heardFrom(talker).length === 10);
  assert.equal(stranger.rtp.length + stranger.rtcp.length, 0);
  assert.equal(talker.heardFrom(stranger).length, 0);
});

test('media does not become a command, whatever address is signalled', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope);
  const attacker = createSocket('udp4');
  scope.defer(() => void attacker.close());
  attacker.bind(0, '127.0.0.1');
  await once(attacker, 'listening');
  const { port } = attacker.address();
  // RTP for the caller would go to the control port, or RTCP would.
  for (const [component, target] of [relay.control, relay.control - 1].entries()) {
    const facing = await relay.grant(`U call${component} 127.0.0.1 ${target} A`);
    await relay.grant(`L call${component} 127.0.0.1 ${port - component} A B`);
    attacker.send('cookie X', facing + component, '127.0.0.1');
    await waitFor('the packet', async () => (await relay.ask('G npkts_discard')) === `${component + 1}`);
  }
  await relay.program.waitForLine(/no media goes to this address/);
  assert.equal(await activeSessions(relay.control), 2);
});

test('a re-offer from a new port moves media there, and hold moves nothing', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope);
  const caller = await RtpParty.open(scope, 'caller');
  const callee = await RtpParty.open(scope, 'callee');
  const moved = await RtpParty.open(scope, 'moved');
  const { forCaller, forCallee } = await startSession(relay, caller, callee);
  await converse({ party: caller, to: forCaller }, { party: callee, to: forCallee }, 10);

  assert.equal(await relay.grant('U call 0.0.0.0 0 A B'), forCallee.port);
  await converse({ party: caller, to: forCaller }, { party: callee, to: forCallee }, 10);

  assert.equal(await relay.grant(`U call 127.0.0.1 ${moved.port} A B`), forCallee.port);
  await converse({ party: moved, to: forCaller }, { party: callee, to: forCallee }, 10);
});

test('pain 14: a delete closes the four sockets at once, and X closes all', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope);
  const caller = await RtpParty.open(scope, 'caller');
  const callee = await RtpParty.open(scope, 'callee');
  const first = await startSession(relay, caller, callee, 'one');
  const ports = [first.forCaller.port, first.forCallee.port].flatMap((port) => [port, port + 1]);
  assert.ok(ports.every((port) => boundUdpPorts().has(port)));

  assert.equal(await relay.ask('D one A B'), '0');
  await waitFor('the end of the sockets', () => ports.every((port) => !boundUdpPorts().has(port)));

  for (const name of ['two', 'three', 'four']) {
    await startSession(relay, caller, callee, name);
  }
  assert.equal(await activeSessions(relay.control), 3);
  assert.equal(await relay.ask('X'), '0');
  assert.equal(await activeSessions(relay.control), 0);
  await waitFor('the end of all sockets', () =>
    [...boundUdpPorts()].every((port) => port < relay.minPort || port >= relay.minPort + 40),
  );
});

test('pains 9, 14: a pair whose odd port is taken is given back whole, and the next one is used', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope, 4, '-b');
  const squatter = createSocket('udp4');
  squatter.bind(relay.minPort + 1, '127.0.0.1');
  await once(squatter, 'listening');
  scope.defer(() => void squatter.close());

  assert.equal(await relay.grant('U call 127.0.0.1 4000 A'), relay.minPort + 2);
  assert.ok(!boundUdpPorts().has(relay.minPort));
});

test('an address that is not local gives E72 and one line that says what to do', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope);
  assert.equal(await relay.ask('Ul203.0.113.7 call 127.0.0.1 4000 A'), 'E72');
  const line = await relay.program.waitForLine(/not one of this machine/);
  assert.match(line, /203\.0\.113\.7/);
  assert.equal(await activeSessions(relay.control), 0);
});

test('datagrams of every size and kind leave the control socket answering', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope);
  const socket = createSocket('udp4');
  scope.defer(() => void socket.close());
  const hostile = [
    Buffer.alloc(0),
    Buffer.from([0]),
    Buffer.from('c1 U\0 call'),
    Buffer.from([0xff, 0xfe, 0x20, 0xc3, 0x28]),
    Buffer.alloc(65_507, 'x'),
    Buffer.from(`${'c'.repeat(2000)} V`),
    Buffer.from(`ck ${'a '.repeat(4000)}`),
  ];
  for (const datagram of hostile) {
    socket.send(datagram, relay.control, '127.0.0.1');
  }
  assert.equal(await relay.ask('V'), '20040107');
  assert.ok(relay.program.running);
});

test('ends with 0 on TERM, and after HUP with the last session', async (t) => {
  const scope = openScope(t);
  const stopped = await startRelay(scope);
  stopped.program.signal('SIGTERM');
  assert.equal((await stopped.program.waitForExit()).code, 0);

  const drained = await startRelay(scope);
  await drained.grant('U call 127.0.0.1 4000 A');
  drained.program.signal('SIGHUP');
  await drained.program.waitForLine(/draining/);
  assert.equal(await drained.ask('U other 127.0.0.1 4000 A'), 'E99');
  assert.equal(await drained.ask('D call A'), '0');
  assert.equal((await drained.program.waitForExit()).code, 0);
});

test('200 sessions at 50 packets a second: forwarded, and memory stays', { timeout: 60_000 }, async (t) => {
  const scope = openScope(t);
  const sessions = 200;
  const seconds = 5;
  const relay = await startRelay(scope, sessions * 2 + 20);
  const party = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
  party.bind(0, '127.0.0.1');
  await once(party, 'listening');
  scope.defer(() => void party.close());
  let heard = 0;
  party.on('message', () => {
    heard += 1;
  });
  const { port } = party.address();
  const targets: number[] = [];
  for (let index = 0; index < sessions; index++) {
    await relay.grant(`U load${index} 127.0.0.1 ${port} A`);
    targets.push(await relay.grant(`L load${index} 127.0.0.1 ${port} A B`));
  }
  const before = residentBytes(relay.program.pid);
  const started = performance.now();
  for (let tick = 0; tick < seconds * 50; tick++) {
    const header = { payloadType: 0, sequenceNumber: tick, timestamp: tick * 160, ssrc: 7 };
    const datagram = rtpDatagram(header, Buffer.alloc(160));
    for (const target of targets) {
      party.send(datagram, target, '127.0.0.1');
    }
    await sleep(Math.max(0, started + (tick + 1) * 20 - performance.now()));
  }
  const sent = sessions * seconds * 50;
  const relayed = async (): Promise<number> => Number(await relay.ask('G npkts_relayed'));
  await waitFor(`${sent} packets at the relay`, async () => (await relayed()) >= sent * 0.99, { timeoutMs: 20_000 });
  // This process shares its processors with the relay, and one socket of it hears all: it may overflow, not go deaf.
  assert.ok(heard >= sent * 0.3, `only ${heard} of ${sent} packets arrived`);
  const after = residentBytes(relay.program.pid);
  t.diagnostic(`${heard} of ${sent} packets; RSS ${Math.round(before / 1e6)} → ${Math.round(after / 1e6)} MB`);
  assert.ok(after - before < 100e6, `RSS grew from ${before} to ${after}`);
  assert.equal(await relay.ask('X'), '0');
  assert.equal(await activeSessions(relay.control), 0);
});

function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
