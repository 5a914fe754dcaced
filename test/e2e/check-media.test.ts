/** `ims-launch check`: relays that answer, with one fault each in what they do to packets. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openFaultyRelay, type RelayFault } from '../fixtures/faulty-relay.ts';
import { check, codesOf } from '../support/check.ts';
import { choosePlace, configure } from '../support/launcher.ts';
import { openScope } from '../support/scope.ts';

const MEDIA_CODES = ['media-no-session', 'media-dead', 'media-one-way', 'media-rtcp-blocked', 'media-faulty'];

/** Finds exactly this of the relay's media, with words like these. */
async function expectFault(t: TestContext, fault: RelayFault, code: string, evidence: RegExp): Promise<void> {
  const scope = openScope(t);
  const place = await choosePlace(scope);
  await configure(place);
  const relay = await openFaultyRelay(fault, { controlPort: place.relayPort });
  scope.defer(() => relay.close());
  const result = await check(scope, place);
  assert.deepEqual(
    codesOf(result).filter((found) => MEDIA_CODES.includes(found)),
    [code],
  );
  const finding = result.finding(code);
  assert.match(finding.evidence, evidence);
  assert.match(finding.fix, new RegExp(`^kill ${process.pid}; node .*ims-launch\\.js --config `));
  assert.equal(relay.sessions, 0, 'the test call is ended');
}

test('media-no-session: a relay that grants no port', async (t) => {
  await expectFault(t, 'no-ports', 'media-no-session', /^the relay grants no port for the offer: it answers E72/);
});

test('media-dead: RTPP works and RTP does not pass', async (t) => {
  await expectFault(t, 'forwards-nothing', 'media-dead', /^nothing passes: the relay granted 127\.0\.0\.1:\d+/);
});

test('media-one-way: RTP passes one way only', async (t) => {
  await expectFault(t, 'one-way', 'media-one-way', /^RTP from callee to caller does not pass/);
});

test('media-rtcp-blocked: RTP passes and RTCP does not', async (t) => {
  await expectFault(t, 'drops-rtcp', 'media-rtcp-blocked', /^RTP passes but RTCP does not/);
});

test('media-faulty: payload that comes out altered', async (t) => {
  await expectFault(t, 'alters-payload', 'media-faulty', /^RTP from (caller|callee) to (caller|callee) is altered/);
});
