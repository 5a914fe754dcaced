/** SIPp calls a user with two phones: both at once, or one after the other by their q (RFC 3261 16.6); or one that forwards. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { freeUdpPort } from '../support/ports.ts';
import { RtpParty } from '../support/rtp-party.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { headerOf } from '../support/sip-log.ts';
import { registerWithSipp, Sipp } from '../support/sipp.ts';
import { SippScript } from '../support/sipp-script.ts';
import { type System, startSystem } from '../support/system.ts';
import { startCaller } from './calls.ts';

const USERS = { 1001: '1234', 1002: '1234', 1003: '1234', 1004: '1234', 1005: '1234', 1006: '1234' };

interface Device {
  readonly transport: 'udp' | 'tcp';
  readonly scenario: string;
  readonly script?: SippScript;
  readonly q?: number;
}

async function ring(scope: Scope, system: System, user: string, device: Device): Promise<Sipp> {
  const localPort = await freeUdpPort();
  await registerWithSipp(scope, {
    localPort,
    remotePort: system.sipPort,
    service: user,
    password: '1234',
    transport: device.transport,
    contactParameters: device.q === undefined ? '' : `;q=${device.q}`,
  });
  const { q: _, ...played } = device;
  return await Sipp.start(scope, { ...played, localPort, media: await RtpParty.open(scope, user) });
}

async function call(scope: Scope, system: System, user: string): Promise<Sipp> {
  return await startCaller(scope, system, {
    scenario: 'caller',
    service: user,
    media: await RtpParty.open(scope, 'caller'),
  });
}

async function hangUp(caller: Sipp, answered: Sipp): Promise<void> {
  await answered.received(/^ACK/);
  await caller.proceed();
  await caller.completes();
  await answered.completes();
}

test('a user with two phones', async (t: TestContext) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope, { config: { USERS, ims: { ringGroupSeconds: 4 } } });

  for (const [transport, user, other] of [['udp', '1002', '1003']] as const) {
    await t.test(`${transport}, equal q: both ring, the first answer wins, the other one is told of it`, async () => {
      const rings = await ring(scope, system, user, { transport, scenario: 'callee-rings' });
      const answers = await ring(scope, system, user, { transport, scenario: 'callee' });
      const caller = await call(scope, system, user);
      const cancel = await rings.received(/^CANCEL/);
      assert.match(headerOf(cancel, 'Reason') ?? '', /^SIP;cause=200;/);
      await rings.completes();
      await hangUp(caller, answers);
    });

    await t.test(
      `${transport}, the higher q is busy: the other one rings, and the caller never hears of it`,
      async () => {
        const second = await ring(scope, system, other, { transport, scenario: 'callee', q: 0.3 });
        const first = await ring(scope, system, other, { transport, scenario: 'callee-busy', q: 0.7 });
        const caller = await call(scope, system, other);
        await first.completes();
        await hangUp(caller, second);
        const answers = (await caller.messages()).filter(({ startLine }) => /^SIP\/2\.0 [456]/.test(startLine));
        assert.deepEqual(
          answers.map(({ startLine }) => startLine.slice(0, 11)),
          ['SIP/2.0 407'],
        );
      },
    );
  }

  await t.test(
    'a phone that forwards its calls (302): the other user rings, and the caller never hears of it',
    async () => {
      const script = SippScript.isCalled()
        .responds(302, { headers: ['Contact: <sip:1006@127.0.0.1>'] })
        .getsAck();
      const forwards = await ring(scope, system, '1005', { transport: 'udp', scenario: 'forwards', script });
      const answers = await ring(scope, system, '1006', { transport: 'udp', scenario: 'callee' });
      const caller = await call(scope, system, '1005');
      await forwards.completes();
      await hangUp(caller, answers);
      assert.ok((await caller.messages()).every(({ startLine }) => !/^SIP\/2\.0 3/.test(startLine)));
    },
  );

  await t.test(
    'the phone with the higher q only rings: after ims.ringGroupSeconds it is the turn of the other',
    async () => {
      const second = await ring(scope, system, '1004', { transport: 'udp', scenario: 'callee', q: 0.3 });
      const first = await ring(scope, system, '1004', { transport: 'udp', scenario: 'callee-rings', q: 0.7 });
      const caller = await call(scope, system, '1004');
      const cancel = await first.received(/^CANCEL/);
      assert.equal(headerOf(cancel, 'Reason'), undefined);
      await first.completes();
      await hangUp(caller, second);
    },
  );

  await system.expectNoSessions();
  await system.stop();
});
