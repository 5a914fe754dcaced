import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metricsText, RELAY_METRICS, SYSTEM_METRICS } from '../../../src/dashboard/metrics.ts';
import type { DashboardSubject } from '../../../src/dashboard/subject.ts';
import { COUNTERS } from '../../../src/relay/stats.ts';
import { systemStatusOf } from '../../support/system-status.ts';

function subjectWith(counters: ReadonlyMap<string, number> | undefined): DashboardSubject {
  const nothing = { recent: () => [], follow: () => () => {} };
  return {
    status: () => systemStatusOf(),
    events: nothing,
    lines: nothing,
    relayCounters: () => Promise.resolve(counters),
    ladder: async () => [],
    calls: () => Promise.resolve({ calls: [] }),
    check: () => Promise.resolve({ findings: [] }),
    bans: () => Promise.resolve([]),
    unban: () => Promise.resolve(0),
    registrations: async () => ({ total: 0, registrations: [] }),
    records: async () => ({ records: [], truncated: false }),
    recordsCsv: async () => '',
    restart: () => undefined,
  };
}

test('names follow the conventions of Prometheus, and each is there once', () => {
  const rows = [
    ...SYSTEM_METRICS.map(({ name, type, help }) => ({ name, type, help })),
    ...RELAY_METRICS.map(([, name, help]) => ({ name, type: 'counter', help })),
  ];
  assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length);
  for (const { name, type, help } of rows) {
    assert.match(name, /^ims_(?:launch|relay)_[a-z_]+$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.match(help, /^[A-Z].*\.$/, name);
  }
});

test('the relay knows each counter that is asked for', () => {
  for (const [counter] of RELAY_METRICS) {
    assert.ok(Object.hasOwn(COUNTERS, counter), counter);
  }
});

test('legs are counted by the way of their RTP', async () => {
  const subject = subjectWith(undefined);
  const status = subject.status();
  const relay = { ...status.services.relay, flows: { kernel: 5, 'any-address': 1 } };
  const { text } = await metricsText({
    ...subject,
    status: () => ({ ...status, services: { ...status.services, relay } }),
  });
  assert.match(text, /^ims_relay_flows\{way="kernel"\} 5$/m);
  assert.match(text, /^ims_relay_flows\{way="any-address"\} 1$/m);
});

test('what is not known is left out', async () => {
  const { text } = await metricsText(subjectWith(undefined));
  assert.match(text, /^ims_launch_ready 1$/m);
  assert.match(text, /^ims_launch_service_restarts_total\{service="ims"\} 2$/m);
  assert.match(text, /^ims_launch_service_health_latency_seconds\{service="relay"\} 0\.0012$/m);
  assert.doesNotMatch(text, /ims_relay_|health_latency_seconds\{service="ims"\}/);
  const told = await metricsText(subjectWith(new Map([['nsess_created', 7]])));
  assert.match(told.text, /^ims_relay_sessions_created_total 7$/m);
  assert.match(told.type, /^text\/plain; version=0\.0\.4/);
});
