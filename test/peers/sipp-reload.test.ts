/** Another address while a call is in progress: who talks goes on talking, who calls now is told the new one. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventLine } from '../support/launcher.ts';
import { peersPresent } from '../support/peers.ts';
import { freeUdpPort } from '../support/ports.ts';
import { openScope } from '../support/scope.ts';
import { registerWithSipp } from '../support/sipp.ts';
import { startSystem } from '../support/system.ts';
import { placeCall, talkBothWays, toldMedia } from './calls.ts';

test('fault 81: a call in progress keeps its address and its audio, the next one has the new address; nothing restarts', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const { launcher, directory, sipPort, relayPort, minPort, maxPort } = system;
  const first = await placeCall(scope, system, { caller: 'caller-holds', callee: 'callee-held' });
  await talkBothWays(first);
  assert.deepEqual(
    [(await toldMedia(first)).caller.address, (await toldMedia(first)).callee.address],
    Array(2).fill('127.0.0.1'),
  );

  const config = {
    SERVER_ADDR: '127.0.0.2',
    SERVER_PORT: sipPort,
    USERS: { 1001: '1234', 1002: '1234', 1003: '1234' },
    dataDir: join(directory, 'data'),
    relay: { port: relayPort, minPort, maxPort },
  };
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  await launcher.waitForLine(eventLine('reload.applied'), 20_000);
  await launcher.waitForLine(/new sessions use another address/, 20_000);
  await launcher.waitForLine(/configuration taken/, 20_000);

  const second = await placeCall(scope, system, { caller: 'caller', callee: 'callee', calleeUser: '1003' });
  await talkBothWays(second);
  const told = await toldMedia(second);
  assert.deepEqual([told.caller.address, told.callee.address], ['127.0.0.2', '127.0.0.2']);

  // The first call holds and resumes: its offers and answers still name the address that its session is on.
  await first.caller.proceed();
  await first.callee.received(/^ACK/, 2);
  await first.caller.proceed();
  await first.callee.received(/^ACK/, 3);
  for (const { direction, text } of await first.callee.messages()) {
    if (direction === 'received' && /^m=audio/m.test(text)) {
      assert.match(text, /^c=IN IP4 127\.0\.0\.1\r?$/m);
      assert.doesNotMatch(text, /IN IP4 127\.0\.0\.2/);
    }
  }
  first.callerMedia.rtp.length = 0;
  first.calleeMedia.rtp.length = 0;
  await talkBothWays(first);

  for (const call of [first, second]) {
    await call.caller.proceed();
    await call.caller.completes();
    await call.callee.completes();
  }
  await system.expectNoSessions();
  assert.equal(launcher.output.match(/"event":"(relay|ims)\.spawn"/g)?.length, 2, 'one relay and one IMS');
  await system.stop();
});

test('fault 82: a changed password is asked for at the next challenge, a removed user is gone with its device', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const { launcher, directory, sipPort, relayPort, minPort, maxPort } = system;
  const register = async (service: string, password: string, scenario = 'register') => {
    const localPort = await freeUdpPort();
    return await registerWithSipp(scope, { localPort, remotePort: sipPort, service, password, scenario });
  };
  await register('1002', '1234');
  await register('1003', '1234');
  const config = {
    SERVER_ADDR: '127.0.0.1',
    SERVER_PORT: sipPort,
    USERS: { 1001: '1234', 1002: 'another-one' },
    dataDir: join(directory, 'data'),
    relay: { port: relayPort, minPort, maxPort },
  };
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  await launcher.waitForLine(/"aor":"1003".*"reason":"removed"/, 20_000);
  await launcher.waitForLine(/configuration taken/, 20_000);
  await register('1002', '1234', 'register-refused');
  await register('1003', '1234', 'register-refused');
  const answers = (await register('1002', 'another-one')).filter(({ direction }) => direction === 'received');
  const contacts = answers.at(-1)?.text.match(/^Contact:/gm)?.length;
  assert.equal(contacts, 2, 'the device of before is still there');
  assert.equal(launcher.output.match(/"event":"(relay|ims)\.spawn"/g)?.length, 2, 'one relay and one IMS');
  assert.doesNotMatch(launcher.output, /another-one/);
  await system.stop();
});

test('a user that users.json gains registers, with everything running; a broken file changes nothing', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const { launcher, directory, sipPort } = system;
  const file = join(directory, 'data', 'users.json');
  await writeFile(file, '{"2001":');
  await launcher.waitForLine(eventLine('reload.rejected'), 20_000);
  assert.match(launcher.output, /users\.json:1:9 is not JSON/);
  await writeFile(file, '{"2001":"a password of its own"}');
  await launcher.waitForLine(eventLine('reload.applied'), 20_000);
  await launcher.waitForLine(/configuration taken/, 20_000);
  for (const [service, password] of [
    ['2001', 'a password of its own'],
    ['1001', '1234'],
  ] as const) {
    const localPort = await freeUdpPort();
    const messages = await registerWithSipp(scope, { localPort, remotePort: sipPort, service, password });
    assert.match(messages.at(-1)?.text ?? '', /^SIP\/2\.0 200 /);
  }
  await system.stop();
});
