/** Phones behind routers that masquerade: they register, are called, and hear each other, also after their mappings changed. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Baresip } from '../support/baresip.ts';
import { Linphone } from '../support/linphone.ts';
import { type Homes, moveRouter, openHomes } from '../support/nat.ts';
import { peersPresent } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { TELEPHONE_RATE_HZ, toneShare } from '../support/tone.ts';
import { waitFor } from '../support/wait.ts';

const ALICE_HZ = 440;
const BOB_HZ = 1000;

/** The address of alice's router, later. */
const MOVED_TO = '203.0.113.11';

/** The phone hears this tone now: the last second of what it has decoded is made of it. */
async function hears(phone: Baresip, hz: number, since = 0): Promise<number> {
  return await waitFor(
    `a second of ${hz} Hz`,
    async () => {
      const heard = await phone.heard();
      const last = heard.subarray(heard.length - TELEPHONE_RATE_HZ);
      return heard.length >= since + TELEPHONE_RATE_HZ && toneShare(last, hz) > 0.8 && heard.length;
    },
    { timeoutMs: 30_000, intervalMs: 250 },
  );
}

/** A password that is not published: from the Internet no other one opens. */
const PASSWORD = 'only-the-phones-know-it';

interface Place extends Homes {
  readonly scope: Scope;
  readonly directory: string;
  /** Ctrl-C. */
  stop(): Promise<void>;
}

async function openPlace(t: TestContext): Promise<Place> {
  const scope = openScope(t);
  const homes = await openHomes(scope);
  const { server } = homes;
  const directory = await temporaryDirectory(scope);
  const path = join(directory, 'config.json');
  const config = {
    SERVER_ADDR: server.address,
    USERS: { 1001: PASSWORD, 1002: PASSWORD },
    dataDir: join(directory, 'data'),
    ims: { minExpiresSeconds: 10 },
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
  const stop = async (): Promise<void> => {
    system.signalGroup('SIGINT');
    await system.waitForExit();
  };
  return { ...homes, scope, directory, stop };
}

test('both behind NAT: they register, call both ways and hear each other, also after the address of a router has changed', async (t) => {
  if (!peersPresent(t, 'baresip', 'nftables', 'network namespaces')) return;
  const { scope, directory, server, alice, bob, stop } = await openPlace(t);
  const phone = { registrar: server.address, password: PASSWORD, answer: 'auto', expiresSeconds: 10 } as const;
  const bobPhone = await Baresip.start(scope, { ...phone, name: 'bob', host: bob.phone, user: '1002', toneHz: BOB_HZ });
  const alicePhone = await Baresip.start(scope, {
    ...phone,
    name: 'alice',
    host: alice.phone,
    user: '1001',
    toneHz: ALICE_HZ,
  });

  await t.test('a call to who is behind NAT', async () => {
    alicePhone.dial(`sip:1002@${server.address}`);
    await bobPhone.established();
    await Promise.all([hears(alicePhone, BOB_HZ), hears(bobPhone, ALICE_HZ)]);
  });

  await t.test(
    'the address of the caller’s router changes during the call: both hear each other again, and it ends as calls do',
    async () => {
      const [before, atBob] = [await hears(alicePhone, BOB_HZ), await hears(bobPhone, ALICE_HZ)];
      moveRouter(alice.router, MOVED_TO);
      await Promise.all([hears(alicePhone, BOB_HZ, before), hears(bobPhone, ALICE_HZ, atBob)]);
      alicePhone.hangUp();
      await Promise.all([alicePhone.closed(), bobPhone.closed()]);
    },
  );

  await t.test('once it has registered from there it is called', async () => {
    const registrations = join(directory, 'data', 'registrations.jsonl');
    await waitFor('alice to register from there', async () =>
      (await readFile(registrations, 'utf8')).includes(MOVED_TO),
    );
    bobPhone.dial(`sip:1001@${server.address}`);
    await waitFor('the second call', () => alicePhone.calls === 2);
    await Promise.all([hears(alicePhone, BOB_HZ), hears(bobPhone, ALICE_HZ)]);
    const before = alicePhone.ended;
    bobPhone.hangUp();
    await waitFor('its end', () => alicePhone.ended > before);
  });

  await stop();
});

test('another brand: linphone behind NAT calls baresip behind NAT, and each hears the other', async (t) => {
  if (!peersPresent(t, 'baresip', 'linphone', 'nftables', 'network namespaces')) return;
  const { scope, server, alice, bob, stop } = await openPlace(t);
  const phone = { registrar: server.address, password: PASSWORD };
  const bobPhone = await Baresip.start(scope, {
    ...phone,
    name: 'bob',
    host: bob.phone,
    user: '1002',
    toneHz: BOB_HZ,
    answer: 'auto',
  });
  const alicePhone = await Linphone.start(scope, {
    ...phone,
    name: 'alice',
    host: alice.phone,
    user: '1001',
    toneHz: ALICE_HZ,
  });
  alicePhone.dial(`sip:1002@${server.address}`);
  await bobPhone.established();
  await hears(bobPhone, ALICE_HZ, 2 * TELEPHONE_RATE_HZ);
  alicePhone.hangUp();
  await bobPhone.closed();
  await alicePhone.stop();
  const { rateHz, samples } = await alicePhone.heard();
  assert.ok(samples.length >= 2 * rateHz, `${samples.length} samples at ${rateHz} Hz`);
  const share = toneShare(samples.subarray(rateHz), BOB_HZ, rateHz);
  assert.ok(share > 0.8, `${BOB_HZ} Hz has ${share.toFixed(2)} of what linphone heard after its first second`);
  await stop();
});
