/** Two phones talk, the relay is killed, and they talk on: their call moves to the session of the next relay. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Baresip } from '../support/baresip.ts';
import { openNetwork } from '../support/network.ts';
import { peersPresent } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { projectRoot } from '../support/project.ts';
import { openScope, temporaryDirectory } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { TELEPHONE_RATE_HZ, toneShare } from '../support/tone.ts';
import { waitFor } from '../support/wait.ts';

const ALICE_HZ = 440;
const BOB_HZ = 1000;

test('kill -9 of the relay during a call of two baresip phones: both hear each other again, in the same call', async (t) => {
  if (!peersPresent(t, 'baresip', 'network namespaces')) return;
  const scope = openScope(t);
  const { server, alice, bob } = await openNetwork(scope, ['server', 'alice', 'bob']);
  const system = Program.start(scope, {
    name: 'npm-start',
    command: ['npm', 'start'],
    cwd: projectRoot,
    env: { IMS_LAUNCH_DATA_DIR: await temporaryDirectory(scope) },
    namespace: server.namespace,
  });
  await system.waitForLine(READY_LINE, 30_000);
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
  const phones = [alicePhone, bobPhone];
  alicePhone.dial(`sip:1002@${server.address}`);
  await alicePhone.established();
  await bobPhone.established();
  const hearMore = async (what: string): Promise<void> => {
    const before = await Promise.all(phones.map(async (each) => (await each.heard()).length));
    await waitFor(
      what,
      async () => {
        const now = await Promise.all(phones.map(async (each) => (await each.heard()).length));
        return now.every((length, index) => {
          // With a re-INVITE baresip may begin another recording.
          const earlier = before[index] ?? 0;
          return length - (length < earlier ? 0 : earlier) >= 2 * TELEPHONE_RATE_HZ;
        });
      },
      { timeoutMs: 30_000 },
    );
  };
  await hearMore('two seconds of audio at both phones');

  const relay = Number(/relay .*started: ims-relay .*pid ([0-9]+)\)/.exec(system.output)?.[1]);
  assert.ok(relay > 1, system.output);
  process.kill(relay, 'SIGKILL');
  await system.waitForLine(/the call goes on over another session/, 30_000);
  await hearMore('two more seconds of audio at both phones');
  const [atAlice, atBob] = await Promise.all(
    phones.map(async (each) => (await each.heard()).slice(-TELEPHONE_RATE_HZ)),
  );
  assert.ok(toneShare(atAlice ?? new Float64Array(), BOB_HZ) > 0.9, 'Alice hears Bob’s tone');
  assert.ok(toneShare(atBob ?? new Float64Array(), ALICE_HZ) > 0.9, 'Bob hears Alice’s tone');
  assert.deepEqual(
    phones.map(({ calls, ended }) => [calls, ended]),
    [
      [1, 0],
      [1, 0],
    ],
  );
  alicePhone.hangUp();
  await bobPhone.closed();
});
