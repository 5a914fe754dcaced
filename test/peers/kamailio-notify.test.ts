/** Time-out notifications that Kamailio asks for: its `timeout_socket`, which it names in the U of a re-INVITE. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { startKamailio } from '../support/kamailio.ts';
import { listenForNotifications } from '../support/notifications.ts';
import { peersPresent } from '../support/peers.ts';
import { freePortRange, freeUdpPort } from '../support/ports.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { startRelay, type TestRelay } from '../support/test-relay.ts';
import { waitFor } from '../support/wait.ts';
import { type Call, reinvited } from './calls.ts';
import { placeKamailioCall } from './kamailio.ts';

/** Long enough for a slow machine to get from one command of a call to the next. */
const TTL_SECONDS = 5;

/** A call that was held and resumed, so that Kamailio has named its socket, and in which nobody says a word. */
async function silentCall(scope: Scope, relay: TestRelay, timeoutSocket: string): Promise<Call> {
  const at = {
    directory: await temporaryDirectory(scope),
    sipPort: freePortRange(1),
    relayPort: relay.control,
    calleePort: await freeUdpPort(),
  };
  await startKamailio(scope, { ...at, timeoutSocket });
  const call = await placeKamailioCall(scope, at, { caller: 'caller-holds', callee: 'callee-held' });
  await call.callee.received(/^ACK/);
  await call.caller.proceed();
  await reinvited(call.callee, 2);
  await call.caller.proceed();
  await reinvited(call.callee, 3);
  return call;
}

test('Kamailio’s timeout_socket: a unix and a TCP listener get the decoded tag and an LF, and then BYE is no harm', async (t) => {
  if (!peersPresent(t, 'kamailio', 'sipp')) return;
  const scope = openScope(t);
  const unix = await listenForNotifications(scope, { path: join(await temporaryDirectory(scope), 'timeouts') });
  const tcp = await listenForNotifications(scope, { host: '127.0.0.1', port: 0 });
  const relay = await startRelay(scope, 20, '-T', `${TTL_SECONDS}`, '-n', unix.target, '-n', tcp.target);
  const calls = await Promise.all([
    silentCall(scope, relay, `${unix.target} unix%20call%3b%201`),
    silentCall(scope, relay, `${tcp.target} tcp-call`),
  ]);
  assert.equal(await relay.ask('G nsess_created'), '2');

  await waitFor('the end of both sessions', async () => (await relay.ask('G nsess_timeout')) === '2', {
    timeoutMs: 30_000,
  });
  await waitFor('both messages', () => unix.text().endsWith('\n') && tcp.text().endsWith('\n'));
  assert.equal(unix.text(), 'unix call; 1\n');
  assert.equal(tcp.text(), 'tcp-call\n');
  for (const { caller, callee } of calls) {
    await caller.proceed();
    await caller.completes();
    await callee.completes();
  }
  assert.deepEqual([unix.text(), tcp.text()], ['unix call; 1\n', 'tcp-call\n'], 'a delete tells nobody');
});
