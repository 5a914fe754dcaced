/** A status such as a system has that is up, for those who show it. */
import type { ServiceStatus, SystemStatus } from '../../src/control/status.ts';

export function systemStatusOf(changes: Partial<SystemStatus> = {}): SystemStatus {
  return {
    version: '0.1.0',
    pid: 100,
    startedTime: '2026-11-23T00:00:00.000Z',
    uptimeMs: 60_000,
    phase: 'running',
    verdict: 'ready',
    config: '/etc/ims/config.json',
    configStale: false,
    drain: null,
    stopping: null,
    waitsFor: null,
    log: { consoleIsGone: false, dropped: 0, fileDropped: 0, file: null },
    services: { relay: relay(), ims: ims() },
    ...changes,
  };
}

function relay(): ServiceStatus {
  const media = { checks: 3, checkedAgoMs: 1000, misses: 0, delayMs: 0.4, finding: null };
  const health = { misses: 0, answeredAgoMs: 500, latencyMs: 1.2, loopLagMs: 2, media };
  return { ...ims(), active: 4, where: 'udp 127.0.0.1:7722', restarts: 0, health };
}

function ims(): ServiceStatus {
  return {
    state: 'ready',
    pid: 101,
    uptimeMs: 50_000,
    restarts: 2,
    active: 2,
    where: 'sip 192.0.2.2:5060',
    detail: null,
    health: null,
  };
}
