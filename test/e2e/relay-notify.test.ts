/** Time-out notifications (`-n`): the exact bytes, seen by a unix and by a TCP listener. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { listenForNotifications } from '../support/notifications.ts';
import { freePortRange, freeUdpPort } from '../support/ports.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { askRelay } from '../support/rtpp.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { waitFor } from '../support/wait.ts';

async function startRelay(scope: Scope, ...targets: readonly string[]): Promise<{ control: number; relay: Program }> {
  const control = await freeUdpPort();
  const ports = freePortRange(20);
  const relay = Program.start(scope, {
    name: 'ims-relay',
    command: [
      process.execPath,
      binary('ims-relay'),
      ...['-f', '-F', '-s', `udp:127.0.0.1:${control}`, '-l', '127.0.0.1', '-m', `${ports}`, '-M', `${ports + 19}`],
      ...['-T', '1', ...targets.flatMap((target) => ['-n', target])],
    ],
  });
  await relay.waitForLine(/relay ready/);
  return { control, relay };
}

test('pain 6: a time-out sends the decoded tag and an LF, over unix and TCP; a delete sends nothing', async (t) => {
  const scope = openScope(t);
  const path = join(await temporaryDirectory(scope), 'timeouts');
  const unix = await listenForNotifications(scope, { path });
  const tcp = await listenForNotifications(scope, { host: '127.0.0.1', port: 0 });
  const port = tcp.target.split(':').at(-1);
  const { control } = await startRelay(scope, path, `tcp:127.0.0.1:${port}`, `tcp:%%CC_SELF%%:${port}`);

  assert.equal(await askRelay(control, 'VF 20081224'), '1');
  await askRelay(control, `U a 192.0.2.1 4000 A unix:${path} hello%20world+x`);
  await askRelay(control, `U b 192.0.2.1 4000 A ${path} T3f2.1a`);
  await askRelay(control, `U c 192.0.2.1 4000 A B tcp:127.0.0.1:${port} second`);
  await askRelay(control, `U d 192.0.2.1 4000 A tcp:%%CC_SELF%%:${port} %C3%A9`);
  await askRelay(control, `U e 192.0.2.1 4000 A ${path} deleted`);
  assert.equal(await askRelay(control, 'D e A'), '0');
  // A later U without the two words switches it off.
  await askRelay(control, `U f 192.0.2.1 4000 A ${path} replaced`);
  await askRelay(control, 'U f 192.0.2.1 4000 A');

  await waitFor('the end of all sessions', async () => (await askRelay(control, 'G nsess_timeout')) === '5');
  await waitFor('both messages', () => unix.text().length >= 22 && tcp.text().length >= 10);
  assert.deepEqual(unix.text().split('\n').sort(), ['', 'T3f2.1a', 'hello world x']);
  assert.deepEqual(tcp.text().split('\n').sort(), ['', 'second', '\u00c3\u00a9'].sort());
  assert.equal(unix.connections(), 1, 'one connection a target');
  assert.equal(tcp.connections(), 1, 'the sender of the command is the same host');
});

test('pain 7: a listener that hung up is connected to again; one that is not there costs a line in the log', async (t) => {
  const scope = openScope(t);
  const tcp = await listenForNotifications(scope, { host: '127.0.0.1', port: 0 });
  const { target } = tcp;
  const nobody = join(await temporaryDirectory(scope), 'nobody');
  const { control, relay } = await startRelay(scope, target, nobody);

  await askRelay(control, `U a 192.0.2.1 4000 A ${target} first`);
  await waitFor('the first message', () => tcp.text() === 'first\n');
  tcp.hangUp();
  await askRelay(control, `U b 192.0.2.1 4000 A ${target} second`);
  await waitFor('the second message', () => tcp.text() === 'first\nsecond\n');

  await askRelay(control, `U c 192.0.2.1 4000 A ${nobody} lost`);
  await relay.waitForLine(/listener cannot be reached.*|ENOENT/);
  await askRelay(control, 'U d 192.0.2.1 4000 A unix:/not/listed lost');
  await relay.waitForLine(/its target is not one of -n/);
  assert.equal(await askRelay(control, 'V'), '20040107');
});
