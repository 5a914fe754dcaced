import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatStatus } from '../../../src/cli/status-report.ts';
import type { HealthStatus, ServiceStatus, SystemStatus } from '../../../src/control/status.ts';

const HEALTH: HealthStatus = { misses: 0, answeredAgoMs: 1200, latencyMs: 0.31, loopLagMs: 2.5, media: null };

function statusWith(relay: HealthStatus | null, ims: HealthStatus | null, flows?: ServiceStatus['flows']): string {
  const service: ServiceStatus = {
    state: 'ready',
    pid: 7,
    uptimeMs: 9000,
    restarts: 0,
    active: 0,
    where: 'here',
    detail: null,
    health: null,
  };
  const status = {
    version: '1',
    pid: 1,
    uptimeMs: 10_000,
    phase: 'running',
    verdict: 'ready',
    config: '/config.json',
    drain: null,
    stopping: null,
    services: { relay: { ...service, health: relay, ...(flows && { flows }) }, ims: { ...service, health: ims } },
  } as SystemStatus;
  return formatStatus(status, false);
}

test('the health of each service is a line below the table', () => {
  const media = { checks: 4, checkedAgoMs: 4000, misses: 0, delayMs: 0.22, finding: null };
  const text = statusWith({ ...HEALTH, media }, HEALTH);
  assert.match(
    text,
    /^relay: answered in 0\.31 ms, 1 s ago; its event loop was late by 2\.5 ms; media passed in 0\.22 ms, 4 s ago$/m,
  );
  assert.match(text, /^ims: answered in 0\.31 ms, 1 s ago; its event loop was late by 2\.5 ms$/m);
});

test('what is wrong is said first, what was not measured not at all', () => {
  const media = { checks: 4, checkedAgoMs: 0, misses: 2, delayMs: 0.2, finding: 'nothing passes' };
  const ill = { misses: 3, answeredAgoMs: null, latencyMs: null, loopLagMs: null, media };
  const text = statusWith(ill, { ...ill, misses: 0, media: null });
  assert.match(
    text,
    /^relay: 3 questions in a row without an answer; media did not pass \(2 checks in a row\), 0 s ago: nothing passes$/m,
  );
  assert.doesNotMatch(text, /^ims:/m);
  assert.doesNotMatch(statusWith(null, null), /^relay:/m);
});

test('how many legs the kernel forwards is told, and why the others are on the sockets', () => {
  assert.match(
    statusWith(null, null, { kernel: 3, 'no-route': 2, 'a-later-one': 1 }),
    /^relay: of 6 legs the kernel forwards 3; 2 no-route \(there is no way to the party\); 1 a-later-one \(.*\)$/m,
  );
  assert.doesNotMatch(statusWith(null, null, {}), /kernel/);
});
