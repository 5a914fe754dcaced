import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCheck } from '../../../src/cli/check-report.ts';
import type { Finding } from '../../../src/doctor/ailment.ts';
import type { Facts } from '../../../src/doctor/facts.ts';

const FACTS = {
  configuration: { path: '/etc/ims.json', found: true, stale: false },
  launcher: { kind: 'absent' },
  relay: {
    control: '127.0.0.1:7722',
    answer: { kind: 'rtpproxy', version: '20040107', ecode: undefined },
    owner: undefined,
    media: { ok: false, findings: [], failure: undefined, directions: [] },
    fileLimit: 1000,
  },
  ims: { sipPort: 5060, answer: 'answered', owner: undefined },
  network: {
    address: { kind: 'known', advertised: '192.0.2.1', bind: '192.0.2.1', advertisedIsLocal: true },
    range: { min: 10_000, max: 20_000, calls: 2500 },
    firewall: { nft: 'table inet fw', iptables: undefined, ip6tables: undefined },
  },
  system: { receiveBuffer: undefined, clockJumpMs: 0, fileLimit: 1000 },
} as unknown as Facts;

function finding(code: string, area: Finding['area'], severity: Finding['severity']): Finding {
  return { code, area, severity, evidence: 'seen', fix: 'mend' };
}

test('where something is wrong no line says that all is well, but what is wrong', () => {
  const report = formatCheck(
    FACTS,
    [
      finding('media-firewalled', 'network', 'breaks'),
      finding('media-dead', 'media', 'breaks'),
      finding('clock-jump', 'system', 'warns'),
    ],
    false,
  );
  assert.match(report, /^broken {3}media {10}media-dead$/m);
  assert.match(report, /^broken {3}network {8}media-firewalled$/m);
  assert.match(report, /^warning {2}system {9}clock-jump$/m);
  assert.match(report, /^ok {7}relay {10}answers on udp 127\.0\.0\.1:7722$/m);
  assert.doesNotMatch(report, /pass both ways|no firewall rule|clock steady/);
});

test('where nothing is wrong it says what was looked at', () => {
  const report = formatCheck(FACTS, [], false);
  assert.match(report, /^ok {7}network {8}192\.0\.2\.1 is told, .*no firewall rule in the way$/m);
  assert.match(report, /^Nothing found/m);
});
