/** SIPp registers with digest: RFC 3261 10 and 22. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { freeUdpPort } from '../support/ports.ts';
import { openScope } from '../support/scope.ts';
import { headerOf } from '../support/sip-log.ts';
import { registerWithSipp } from '../support/sipp.ts';
import { startSystem } from '../support/system.ts';

test('sipp registers with digest: 401 challenge with MD5, then 200 with its binding', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const localPort = await freeUdpPort();
  const messages = await registerWithSipp(scope, {
    localPort,
    remotePort: system.sipPort,
    service: '1001',
    password: '1234',
  });
  const answers = messages.filter((message) => message.direction === 'received');
  const challenge = answers.find((message) => message.startLine.startsWith('SIP/2.0 401'));
  assert.ok(challenge);
  assert.match(headerOf(challenge, 'WWW-Authenticate') ?? '', /^Digest .*nonce="[^"]+"/);
  const accepted = answers.at(-1);
  assert.ok(accepted);
  assert.match(
    headerOf(accepted, 'Contact') ?? '',
    new RegExp(`<sip:1001@127\\.0\\.0\\.1:${localPort}>.*expires=\\d+`),
  );
  await system.stop();
});

test('a wrong password and an unknown user get the same refusal', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const refusal = async (service: string, password: string): Promise<string | undefined> => {
    const messages = await registerWithSipp(scope, {
      localPort: await freeUdpPort(),
      remotePort: system.sipPort,
      service,
      password,
      scenario: 'register-refused',
    });
    return messages.filter((message) => message.direction === 'received').at(-1)?.startLine;
  };
  const wrongPassword = await refusal('1001', 'not-the-password');
  const unknownUser = await refusal('4711', '1234');
  assert.match(wrongPassword ?? '', /^SIP\/2\.0 (401|403) /);
  assert.equal(unknownUser, wrongPassword);
  await system.stop();
});
