/** Two baresip phones, one over TLS and one over TCP: each hears the other, through a NAT's idea of a connection. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Baresip } from '../support/baresip.ts';
import { makeCertificate } from '../support/certificate.ts';
import { openNetwork } from '../support/network.ts';
import { peersPresent } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, temporaryDirectory } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { TELEPHONE_RATE_HZ, toneShare } from '../support/tone.ts';
import { waitFor } from '../support/wait.ts';

const ALICE_HZ = 440;
const BOB_HZ = 1000;

test('a phone over TLS calls one over TCP: both hear each other, and hanging up reaches the other one', async (t) => {
  if (!peersPresent(t, 'baresip', 'openssl', 'network namespaces')) return;
  const scope = openScope(t);
  const { server, alice, bob } = await openNetwork(scope, ['server', 'alice', 'bob']);
  const directory = await temporaryDirectory(scope);
  const { certificate, key } = await makeCertificate(scope, server.address);
  const path = join(directory, 'config.json');
  const config = {
    SERVER_ADDR: server.address,
    USERS: { 1001: '1234', 1002: '1234' },
    dataDir: join(directory, 'data'),
    ims: { tlsPort: 5061, tlsCertificate: certificate, tlsKey: key },
  };
  await writeFile(path, JSON.stringify(config));
  const system = Program.start(scope, {
    name: 'ims-launch',
    command: [process.execPath, binary('ims-launch'), '--config', path],
    cwd: directory,
    env: { XDG_RUNTIME_DIR: directory },
    namespace: server.namespace,
  });
  await system.waitForLine(READY_LINE, 30_000);
  const bobPhone = await Baresip.start(scope, {
    name: 'bob',
    host: bob,
    user: '1002',
    registrar: server.address,
    transport: 'tcp',
    password: '1234',
    toneHz: BOB_HZ,
    answer: 'auto',
  });
  const alicePhone = await Baresip.start(scope, {
    name: 'alice',
    host: alice,
    user: '1001',
    registrar: `${server.address}:5061`,
    transport: 'tls',
    authority: certificate,
    password: '1234',
    toneHz: ALICE_HZ,
    answer: 'manual',
  });
  alicePhone.dial(`sip:1002@${server.address}:5061;transport=tls`);
  await alicePhone.established();
  await bobPhone.established();
  const enough = 2 * TELEPHONE_RATE_HZ;
  await waitFor(
    'two seconds of audio at both phones',
    async () => (await alicePhone.heard()).length >= enough && (await bobPhone.heard()).length >= enough,
    { timeoutMs: 30_000, intervalMs: 250 },
  );
  // The called one hangs up: its BYE comes by TCP, and goes to the caller over its TLS connection.
  bobPhone.hangUp();
  await alicePhone.closed();
  await bobPhone.closed();
  assert.ok(toneShare(await alicePhone.heard(), BOB_HZ) > 10 * toneShare(await alicePhone.heard(), ALICE_HZ));
  assert.ok(toneShare(await bobPhone.heard(), ALICE_HZ) > 10 * toneShare(await bobPhone.heard(), BOB_HZ));
  await alicePhone.stop();
  await bobPhone.stop();
});
