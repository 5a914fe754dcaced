import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LaunchFacts } from '../../../src/app/launch/facts.ts';
import { formatBanner } from '../../../src/cli/banner.ts';

const FACTS: LaunchFacts = {
  sip: { port: 5060, publicPort: 5060, pid: 12, command: undefined, listen: ['udp 0.0.0.0:5060'] },
  address: { advertised: '203.0.113.5', bind: '10.0.0.5', source: 'environment variable SERVER_IP' },
  media: { minPort: 10_000, maxPort: 20_000 },
  relay: {
    control: 'udp 127.0.0.1:7722',
    kind: 'started',
    pid: 11,
    command: undefined,
    details: {
      version: '0.1.0',
      plane: 'portable',
      planeReason: 'no other works here',
      bindAddress: '10.0.0.5',
      advertisedAddress: '203.0.113.5',
      minPort: 10_000,
      maxPort: 20_000,
    },
  },
  furtherRelays: [],
  dashboard: undefined,
  users: ['1001', '1002', '1003', 'anna', 'bert'],
  publishedUsers: ['1001'],
  warnings: ['203.0.113.5 is not an address of this machine'],
};

test('the whole block', () => {
  assert.equal(
    formatBanner(FACTS, '0.1.0'),
    `ims-launch 0.1.0 is ready
  SIP         udp 0.0.0.0:5060  (ims-server, pid 12)
  advertised  203.0.113.5  (environment variable SERVER_IP)
  media       UDP 10000-20000 on 10.0.0.5
  relay       udp 127.0.0.1:7722  (started: ims-relay 0.1.0, pid 11)
  plane       portable  (no other works here)
  phone       server 203.0.113.5:5060, UDP, user 1001 (or 1002, 1003, anna, …), password from USERS in the configuration
              call another user by its name; "ims-launch verify" sends test audio through the relay
  warning     the password of 1001 is published: it works only from loopback and private addresses; set others under USERS
  warning     203.0.113.5 is not an address of this machine
  stop        Ctrl-C
`,
  );
});

test('an IPv6 server is told in brackets, with the port that a NAT maps', () => {
  const facts = {
    ...FACTS,
    sip: { ...FACTS.sip, publicPort: 5070 },
    address: { ...FACTS.address, advertised: '2001:db8::5' },
  };
  assert.match(formatBanner(facts, '1'), /phone +server \[2001:db8::5\]:5070, UDP/);
});

test('a found relay is said to be left alone, an absent one why it is absent', () => {
  const found = {
    control: 'udp 127.0.0.1:7722',
    kind: 'found',
    description: 'RTPP version 20040107, process 7 (x)',
  } as const;
  assert.match(formatBanner({ ...FACTS, relay: found }, '1'), /relay .*found: RTPP version.*will not be stopped/);
  const absent = {
    control: 'udp 127.0.0.1:7722',
    kind: 'absent',
    reason: 'RTPPROXY_AUTO_START=0: none is started',
  } as const;
  assert.match(formatBanner({ ...FACTS, relay: absent }, '1'), /relay .*does not answer \(RTPPROXY_AUTO_START=0.*503/);
});

test('further relays are named, and calls go there while the first one is away', () => {
  const furtherRelays = ['udp:192.0.2.7:7722, weight 3', 'unix:/run/relay.sock, weight 0'];
  const relay = { control: 'udp 127.0.0.1:7722', kind: 'absent', reason: 'it is being restarted' } as const;
  const text = formatBanner({ ...FACTS, relay, furtherRelays }, '1');
  assert.match(text, /relay +udp 127\.0\.0\.1:7722 .*: calls go to the others until it does$/m);
  assert.match(
    text,
    /^ {2}and relay {3}udp:192\.0\.2\.7:7722, weight 3\n {2}and relay {3}unix:\/run\/relay\.sock, weight 0$/m,
  );
});

test('another command as the IMS is named; no users is said', () => {
  const sip = { ...FACTS.sip, command: ['kamailio', '-DD', '-E'], listen: [] };
  const text = formatBanner({ ...FACTS, sip, users: [], publishedUsers: [], warnings: [] }, '1');
  assert.match(text, /SIP +UDP port 5060 {2}\(kamailio -DD -E, pid 12\)/);
  assert.match(text, /phone .*there are no users/);
  assert.doesNotMatch(text, /warning/);
});
