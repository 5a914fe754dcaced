/** What a check of the relay's media tells the supervisor, on a relay that has the fault. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MediaChecker } from '../../../../src/app/launch/media-check.ts';
import { openRtppClient } from '../../../../src/io/rtpp-client-driver.ts';
import { type FaultyRelay, openFaultyRelay, type RelayFault } from '../../../fixtures/faulty-relay.ts';
import { askRelay } from '../../../support/rtpp.ts';

async function open(t: TestContext, fault: RelayFault): Promise<{ relay: FaultyRelay; checker: MediaChecker }> {
  const relay = await openFaultyRelay(fault);
  t.after(() => relay.close());
  const client = await openRtppClient({ host: '127.0.0.1', port: relay.port });
  t.after(() => client.close());
  return { relay, checker: new MediaChecker({ client, runId: 'run', allowRemote: () => false }) };
}

test('media that passes: how long it took, and the calls without the check itself', async (t) => {
  const { relay, checker } = await open(t, 'none');
  await askRelay(relay.port, 'U call 127.0.0.1 4000 A');
  const sample = await checker.check();
  assert.deepEqual([sample.verdict, sample.finding, sample.sessions], ['passed', '', 1]);
  assert.ok(sample.delayMs !== undefined && sample.delayMs >= 0 && sample.lagMs >= 0);
  assert.equal(relay.sessions, 1);
});

test('one packet of five is enough, and RTCP is not asked for', async (t) => {
  for (const fault of ['lossy', 'drops-rtcp'] as const) {
    const { checker } = await open(t, fault);
    assert.equal((await checker.check()).verdict, 'passed', fault);
  }
});

test('what fails is told apart: media, ports, the control socket', async (t) => {
  for (const [fault, verdict] of [
    ['one-way', 'failed'],
    ['forwards-nothing', 'failed'],
    ['alters-payload', 'failed'],
    ['no-ports', 'refused'],
    ['forgets', 'refused'],
  ] as const) {
    const { relay, checker } = await open(t, fault);
    const sample = await checker.check();
    assert.equal(sample.verdict, verdict, fault);
    assert.notEqual(sample.finding, '', fault);
    assert.equal(relay.sessions, 0, fault);
  }
  const { relay, checker } = await open(t, 'none');
  await askRelay(relay.port, '!delay 60000', 100).catch(() => {});
  assert.equal((await checker.check()).verdict, 'unanswered');
});
