import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { loadOverridden, overridesOf } from '../../../src/config/overrides.ts';
import { openScope, temporaryDirectory } from '../../support/scope.ts';

test('what environment and flags have set is told to who has neither; secrets and commands are not', async (t) => {
  const cwd = await temporaryDirectory(openScope(t));
  const path = join(cwd, 'config.json');
  writeFileSync(path, JSON.stringify({ SERVER_PORT: 5080, relay: { minPort: 20_000, maxPort: 21_000 } }));
  const env = {
    RTPPROXY_AUTO_START: '0',
    SERVER_IP: '192.0.2.9',
    IMS_LAUNCH_USERS: '{"1001":"secret"}',
    IMS_LAUNCH_DASHBOARD_TOKEN: 'a secret of sixteen',
    IMS_LAUNCH_IMS_COMMAND: '["ims","--password","secret"]',
  };
  const running = loadConfig({ path, cwd, env, flags: { 'relay.maxPort': '22000' } });
  const told = overridesOf(running);
  assert.deepEqual(told, [
    { key: 'SERVER_ADDR', value: '192.0.2.9', origin: 'environment variable SERVER_IP' },
    { key: 'relay.autoStart', value: false, origin: 'environment variable RTPPROXY_AUTO_START' },
    { key: 'relay.maxPort', value: 22_000, origin: 'flag --max-port' },
  ]);
  assert.ok(!JSON.stringify(told).includes('secret'));
  const seen = loadOverridden({ path, cwd }, JSON.parse(JSON.stringify(told)));
  assert.deepEqual(
    [seen.config.SERVER_ADDR, seen.config.SERVER_PORT, seen.config.relay.autoStart, seen.config.relay.maxPort],
    ['192.0.2.9', 5080, false, 22_000],
  );
  assert.equal(seen.origins.get('relay.autoStart'), 'environment variable RTPPROXY_AUTO_START');
});
