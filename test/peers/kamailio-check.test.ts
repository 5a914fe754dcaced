/** `ims-launch check` beside a Kamailio that nobody started with ims-launch: it reads which relay the file names. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { check, codesOf } from '../support/check.ts';
import { startKamailio } from '../support/kamailio.ts';
import { choosePlace, configure } from '../support/launcher.ts';
import { peersPresent } from '../support/peers.ts';
import { freeUdpPort } from '../support/ports.ts';
import { openScope } from '../support/scope.ts';

test('ims-other-relay: rtpproxy_sock of a Kamailio leads elsewhere; the command given mends the file', async (t) => {
  if (!peersPresent(t, 'kamailio')) return;
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const other = await freeUdpPort();
  const options = { ...place, calleePort: await freeUdpPort() };
  const kamailio = await startKamailio(scope, { ...options, relayPort: other });
  const { evidence, fix } = (await check(scope, place)).finding('ims-other-relay');
  assert.match(
    evidence,
    new RegExp(`uses the relay at 127\\.0\\.0\\.1:${other} \\(${place.directory}/kamailio\\.cfg\\)`),
  );
  execFileSync('sh', ['-c', fix]);
  await kamailio.waitForExit(30_000);
  // The same file, started again as an operator would.
  await startKamailio(scope, options);
  assert.ok(!codesOf(await check(scope, place)).includes('ims-other-relay'));
});
