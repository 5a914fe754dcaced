/** What each changed key means, and what of it may be shown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeChange, planReload, withKept } from '../../../../src/app/launch/reload-plan.ts';
import { optionCatalogue } from '../../../../src/config/catalogue.ts';
import { RELOAD_EFFECTS } from '../../../../src/config/effects.ts';
import { type Config, configSchema } from '../../../../src/config/schema.ts';

const OURS = { relayIsOurs: true };

function config(keys: object = {}): Config {
  return configSchema.parse({ SERVER_ADDR: '192.0.2.1', ...keys });
}

function plan(before: object, after: object, about = OURS) {
  return planReload(config(before), config(after), about);
}

test('every option, and nothing else, has a line in the table of effects', () => {
  const keys = optionCatalogue().map((option) => option.key);
  assert.deepEqual(Object.keys(RELOAD_EFFECTS).sort(), keys.sort());
});

test('keys in another order are no change', () => {
  assert.deepEqual(plan({ USERS: { a: 'x', b: 'y' } }, { USERS: { b: 'y', a: 'x' } }).keys, []);
});

test('users are taken live; a port restarts the IMS, the media range the relay, nothing else', () => {
  const users = plan({}, { USERS: { a: 'x' } });
  assert.deepEqual([users.live, users.restarts, users.concernsIms], [['USERS'], [], true]);
  const port = plan({}, { SERVER_PORT: 5070 });
  assert.deepEqual(port.restarts, [{ service: 'ims', whenIdle: false }]);
  const range = plan({}, { relay: { maxPort: 15_000 } });
  assert.deepEqual(range.restarts, [{ service: 'relay', whenIdle: false }]);
  assert.deepEqual(plan({}, { relay: { port: 7723 } }).pending, ['relay.port']);
});

test('an external command is not restarted for what it is never told', () => {
  const ims = { command: ['kamailio'] };
  assert.deepEqual(plan({ ims }, { ims: { ...ims, realm: 'other' }, dataDir: '/srv' }).restarts, []);
  const relay = { command: ['rtpproxy'] };
  assert.deepEqual(plan({ relay }, { relay: { ...relay, maxPort: 15_000 } }).restarts, []);
});

test('fault 81: another address is live for our own programs; an external IMS waits for the last call, or does not', () => {
  const moved = { SERVER_ADDR: '192.0.2.2' };
  assert.deepEqual(plan({}, moved).restarts, []);
  assert.equal(plan({}, moved).addressChanged, true);
  const ims = { command: ['kamailio'] };
  assert.deepEqual(plan({ ims }, { ims, ...moved }).restarts, [{ service: 'ims', whenIdle: true }]);
  const now = { onAddressChange: 'now' };
  assert.deepEqual(plan({ ims, reload: now }, { ims, reload: now, ...moved }).restarts, [
    { service: 'ims', whenIdle: false },
  ]);
  const ignore = { onAddressChange: 'ignore' };
  const ignored = plan({ ims, reload: ignore }, { ims, reload: ignore, ...moved });
  assert.deepEqual([ignored.restarts, ignored.pending, ignored.addressChanged], [[], ['SERVER_ADDR'], false]);
});

test('settings of a relay that somebody else started are refused', () => {
  const found = plan({}, { relay: { plane: 'portable' } }, { relayIsOurs: false });
  assert.deepEqual([found.restarts, found.refused], [[], ['relay.plane']]);
});

test('what holds for the run keeps its value, also within a group', () => {
  const kept = withKept(config(), config({ SERVER_PORT: 5070, relay: { port: 7723, plane: 'portable' } }), [
    'relay.port',
  ]);
  assert.deepEqual([kept.SERVER_PORT, kept.relay.port, kept.relay.plane], [5070, 7722, 'portable']);
});

test('fault 82: before and after are shown, passwords, variables and secret words of a command are not', () => {
  const before = config({
    USERS: { alice: 'pw-one' },
    ims: { env: { API: 'pw-two' }, command: ['ims', '--password', 'pw-three'] },
  });
  const after = config({
    USERS: { alice: 'pw-four' },
    ims: { env: { API: 'pw-five' }, command: ['ims', '--db-token=pw-six', '-p', '5'] },
  });
  const shown = ['USERS', 'ims.env', 'ims.command'].map((key) => describeChange(before, after, key));
  assert.deepEqual(shown, [
    'USERS: {alice} … → {alice} …',
    'ims.env: {API} … → {API} …',
    'ims.command: ["ims","--password","…"] → ["ims","--db-token=…","-p","5"]',
  ]);
  assert.equal(describeChange(config(), config({ SERVER_PORT: 5070 }), 'SERVER_PORT'), 'SERVER_PORT: 5060 → 5070');
});
