/** Relays that come and go in the configuration file of a system that runs: nothing is restarted for that. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configure } from '../support/launcher.ts';
import { pidsOf, startReloadable, waitForCount } from '../support/reload.ts';
import { startRelay } from '../support/test-relay.ts';

const PATIENCE_MS = 60_000;

test('further relays are taken, asked and left while the system runs; a name that does not resolve changes nothing', async (t) => {
  const run = await startReloadable(t);
  const { place, launcher, scope } = run;
  const before = await pidsOf(run);
  const further = await startRelay(scope);
  const relay = { port: place.relayPort, minPort: place.minPort, maxPort: place.maxPort };
  const control = `udp:127.0.0.1:${further.control}`;

  await configure(place, { ...run.keys, relay: { ...relay, further: [{ control, weight: 3 }] } });
  await waitForCount(run, 'reload.applied', 1, PATIENCE_MS);
  for (const port of [place.relayPort, further.control]) {
    await launcher.waitForLine(new RegExp(`127\\.0\\.0\\.1:${port}".*media relay answers`), PATIENCE_MS);
  }

  const lost = { control: 'udp:no-such-host.invalid:7722' };
  await configure(place, { ...run.keys, relay: { ...relay, further: [{ control }, lost] } });
  await waitForCount(run, 'reload.applied', 2, PATIENCE_MS);
  await launcher.waitForLine(/no-such-host\.invalid.*the media relays stay as they were/, PATIENCE_MS);

  // Still asked: what it was told of is in force.
  further.program.signal('SIGKILL');
  await further.program.waitForExit();
  await launcher.waitForLine(new RegExp(`127\\.0\\.0\\.1:${further.control}".*media relay disabled`), PATIENCE_MS);

  await configure(place, { ...run.keys, relay });
  await waitForCount(run, 'reload.applied', 3, PATIENCE_MS);
  assert.deepEqual(await pidsOf(run), before, 'no process was restarted');
});
