/** SIPp gets an INVITE that is too large for UDP: RFC 3261 18.1.1. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { freeUdpPort } from '../support/ports.ts';
import { openScope } from '../support/scope.ts';
import { headerOf } from '../support/sip-log.ts';
import { registerWithSipp, Sipp } from '../support/sipp.ts';
import { audio, SippScript } from '../support/sipp-script.ts';
import { startSystem } from '../support/system.ts';
import { CALLEE, startCaller } from './calls.ts';

/** An offer as browsers make them: far more than fits into a datagram. */
function largeAudio(): ReturnType<typeof audio> {
  const small = audio();
  const lines = Array.from({ length: 40 }, (_, index) => `a=x-capability-${index}:${'c'.repeat(40)}`);
  return { ...small, body: [small.body, ...lines].join('\n') };
}

test('a phone that registered over UDP: the large INVITE over TCP where it takes it, over UDP where not; the call holds', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  for (const transport of ['udp', 'tcp'] as const) {
    const localPort = await freeUdpPort();
    const phone = { localPort, remotePort: system.sipPort, service: CALLEE, password: '1234' };
    // What it registered before is gone by its new address; both ring otherwise.
    await registerWithSipp(scope, { ...phone, contactParameters: ';+sip.instance="<urn:uuid:1>"' });
    const callee = await Sipp.start(scope, {
      scenario: `large-${transport}`,
      script: SippScript.isCalled().responds(180).responds(200, audio()).getsAck().answers('BYE'),
      localPort,
      transport,
    });
    const caller = await startCaller(scope, system, {
      scenario: 'large-offer',
      script: SippScript.calls(largeAudio()).gets(200).acknowledges().asks('BYE'),
    });
    await caller.completes();
    await callee.completes();
    const invite = await callee.received(/^INVITE/);
    assert.ok(invite.text.length > 1300);
    const messages = (await callee.messages()).filter(({ direction }) => direction === 'received');
    assert.deepEqual(
      messages.map((message) => message.startLine.split(' ')[0]),
      ['INVITE', 'ACK', 'BYE'],
    );
    for (const message of messages) {
      assert.match(headerOf(message, 'Via') ?? '', new RegExp(`^SIP/2\\.0/${transport.toUpperCase()} `));
    }
    await system.expectNoSessions();
  }
  await system.stop();
});
