/** Two phones, the shipped configuration, `npm start`: what the README promises a first-time user. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Baresip } from '../support/baresip.ts';
import { type CapturedDatagram, startCapture } from '../support/capture.ts';
import { isRtcp, viewRtp } from '../support/datagram-view.ts';
import { HOST_INTERFACE, openNetwork } from '../support/network.ts';
import { peersPresent } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { projectRoot } from '../support/project.ts';
import { openScope, temporaryDirectory } from '../support/scope.ts';
import { boundUdpSockets } from '../support/survivors.ts';
import { READY_LINE } from '../support/system.ts';
import { decodeG711, joinSamples, TELEPHONE_RATE_HZ, toneShare } from '../support/tone.ts';
import { waitFor } from '../support/wait.ts';

const ALICE_HZ = 440;
const BOB_HZ = 1000;

/** Media ports of the shipped configuration. */
const MEDIA_PORTS = { min: 10_000, max: 20_000 };

test('two baresip phones register, call, and each hears the other through the relay; Ctrl-C leaves nothing', async (t) => {
  if (!peersPresent(t, 'baresip', 'tshark', 'network namespaces')) return;
  const scope = openScope(t);
  const { server, alice, bob } = await openNetwork(scope, ['server', 'alice', 'bob']);
  const before = boundUdpSockets(server.namespace);

  const system = Program.start(scope, {
    name: 'npm-start',
    command: ['npm', 'start'],
    cwd: projectRoot,
    // Call records go to the test's directory; nothing else differs from what a user types.
    env: { IMS_LAUNCH_DATA_DIR: await temporaryDirectory(scope) },
    namespace: server.namespace,
  });
  await system.waitForLine(READY_LINE, 30_000);
  const aliceWire = await startCapture(scope, alice.namespace, HOST_INTERFACE);
  const bobWire = await startCapture(scope, bob.namespace, HOST_INTERFACE);

  const phone = { registrar: server.address, password: '1234' };
  const bobPhone = await Baresip.start(scope, {
    ...phone,
    name: 'bob',
    host: bob,
    user: '1002',
    toneHz: BOB_HZ,
    answer: 'auto',
  });
  const alicePhone = await Baresip.start(scope, {
    ...phone,
    name: 'alice',
    host: alice,
    user: '1001',
    toneHz: ALICE_HZ,
    answer: 'manual',
  });
  alicePhone.dial(`sip:1002@${server.address}`);
  await alicePhone.established();
  await bobPhone.established();

  // Two seconds of audio, and a report each way: baresip sends its first RTCP within some seconds.
  const enough = 2 * TELEPHONE_RATE_HZ;
  await waitFor(
    'two seconds of audio at both phones and RTCP both ways',
    async () => {
      const [aliceHeard, bobHeard] = [await alicePhone.heard(), await bobPhone.heard()];
      const [toAlice, toBob] = [await aliceWire.soFar(), await bobWire.soFar()];
      return (
        aliceHeard.length >= enough &&
        bobHeard.length >= enough &&
        toAlice.some((datagram) => isRtcpTo(alice.address, datagram)) &&
        toBob.some((datagram) => isRtcpTo(bob.address, datagram))
      );
    },
    { timeoutMs: 30_000, intervalMs: 250 },
  );

  alicePhone.hangUp();
  await alicePhone.closed();
  await bobPhone.closed();
  const [aliceHeard, bobHeard] = [await alicePhone.heard(), await bobPhone.heard()];
  await alicePhone.stop();
  await bobPhone.stop();
  const atAlice = await aliceWire.stop();
  const atBob = await bobWire.stop();

  await t.test('the audio that each phone decoded is the other one’s tone, not its own', () => {
    assertTone(aliceHeard, BOB_HZ, ALICE_HZ);
    assertTone(bobHeard, ALICE_HZ, BOB_HZ);
  });
  await t.test('so is the RTP on each phone’s wire', () => {
    assertTone(audioTo(alice.address, atAlice), BOB_HZ, ALICE_HZ);
    assertTone(audioTo(bob.address, atBob), ALICE_HZ, BOB_HZ);
  });
  await t.test('the phones talk to the server alone: SIP port 5060 and the relay’s media ports', () => {
    for (const { from, to } of [...atAlice, ...atBob]) {
      const [fromServer, toServer] = [from, to].map((end) => end.startsWith(`${server.address}:`));
      assert.ok(fromServer !== toServer, `${from} → ${to} has the server at one end`);
      const port = Number((fromServer ? from : to).split(':')[1]);
      assert.ok(port === 5060 || (port >= MEDIA_PORTS.min && port <= MEDIA_PORTS.max), `${from} → ${to}`);
    }
  });
  await t.test('RTCP uses the odd port above the RTP port', () => {
    for (const { from, to, payload } of [...atAlice, ...atBob].filter(isMedia)) {
      const relayEnd = from.startsWith(`${server.address}:`) ? from : to;
      assert.equal(Number(relayEnd.split(':')[1]) % 2, isRtcp(payload) ? 1 : 0, `${from} → ${to}`);
    }
  });

  // A terminal sends SIGINT to npm, its shell and ims-launch together.
  system.signalGroup('SIGINT');
  await system.waitForExit();
  assert.deepEqual(boundUdpSockets(server.namespace), before, 'bound UDP sockets before and after');
});

function isMedia({ payload }: CapturedDatagram): boolean {
  return isRtcp(payload) || viewRtp(payload) !== undefined;
}

function isRtcpTo(address: string, { to, payload }: CapturedDatagram): boolean {
  return to.startsWith(`${address}:`) && isRtcp(payload);
}

/** Decoded audio of all RTP that reached this address. */
function audioTo(address: string, datagrams: readonly CapturedDatagram[]): Float64Array {
  const packets = datagrams
    .filter(({ to }) => to.startsWith(`${address}:`))
    .map(({ payload }) => viewRtp(payload))
    .filter((packet) => packet !== undefined);
  return joinSamples(packets.flatMap(({ payloadType, payload }) => decodeG711(payloadType, payload) ?? []));
}

function assertTone(samples: Float64Array, expectedHz: number, otherHz: number): void {
  assert.ok(samples.length >= TELEPHONE_RATE_HZ, `${samples.length} samples are at least a second`);
  const [expected, other] = [toneShare(samples, expectedHz), toneShare(samples, otherHz)];
  assert.ok(expected > 0.8, `${expectedHz} Hz has ${expected.toFixed(2)} of the energy`);
  assert.ok(other < 0.1, `${otherHz} Hz has ${other.toFixed(2)} of the energy`);
}
