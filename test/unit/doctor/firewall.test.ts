import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { judgeIptables } from '../../../src/doctor/firewall/iptables.ts';
import { judgeNftables } from '../../../src/doctor/firewall/nftables.ts';

const packet = { port: 10_000, loopback: false, family: 4 } as const;

/** A ruleset with one input chain of that policy, and rules of these statements. */
function ruleset(policy: string, ...rules: readonly (readonly object[])[]): string {
  const place = { family: 'inet', table: 'filter' };
  const chain = { ...place, name: 'input', type: 'filter', hook: 'input', prio: 0, policy };
  const items = rules.map((expr, index) => ({ rule: { ...place, chain: 'input', handle: index + 2, expr } }));
  return JSON.stringify({ nftables: [{ metainfo: {} }, { chain }, ...items] });
}

const udpDport = (right: unknown, op = '=='): object => ({
  match: { op, left: { payload: { protocol: 'udp', field: 'dport' } }, right },
});
const source = { match: { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: '192.0.2.7' } };

test('a chain that loops ends undecided, in nftables and in iptables', () => {
  const text = '-P INPUT DROP\n-N a\n-N b\n-A INPUT -j a\n-A a -j b\n-A b -j a\n';
  assert.equal(judgeIptables(text, 'iptables', packet).kind, 'undecided');
  const loop = ruleset('drop', [{ jump: { target: 'input' } }]);
  assert.equal(judgeNftables(loop, packet).kind, 'undecided');
});

test('only what is certain is said: an accept for some senders before a drop leaves it open', () => {
  const accepted = ruleset('drop', [source, { accept: null }]);
  assert.equal(judgeNftables(accepted, packet).kind, 'undecided');
  const dropped = ruleset('accept', [source, { drop: null }]);
  assert.equal(judgeNftables(dropped, packet).kind, 'accepted');
  const text = '-P INPUT DROP\n-A INPUT -s 192.0.2.0/24 -j ACCEPT\n';
  assert.equal(judgeIptables(text, 'iptables', packet).kind, 'undecided');
});

test('ports: one, a range, a set, a negation, a named set', () => {
  const kindFor = (match: object): string => judgeNftables(ruleset('accept', [match, { drop: null }]), packet).kind;
  assert.equal(kindFor(udpDport(10_000)), 'dropped');
  assert.equal(kindFor(udpDport(10_001)), 'accepted');
  assert.equal(kindFor(udpDport({ range: [9000, 10_000] })), 'dropped');
  assert.equal(kindFor(udpDport({ set: [5060, { range: [9000, 11_000] }] })), 'dropped');
  assert.equal(kindFor(udpDport(5060, '!=')), 'dropped');
  assert.equal(kindFor(udpDport('@media')), 'accepted', 'what cannot be seen is not said to be dropped');
});

test('a return leaves the chain that was called, and the caller goes on', () => {
  const text = [
    '-P INPUT ACCEPT',
    '-N own',
    '-A INPUT -j own',
    '-A INPUT -p udp -j DROP',
    '-A own -p udp -m udp --dport 10000 -j RETURN',
    '-A own -j ACCEPT',
  ].join('\n');
  assert.equal(judgeIptables(text, 'iptables', packet).kind, 'dropped');
  assert.equal(judgeIptables(text, 'iptables', { ...packet, port: 7 }).kind, 'accepted');
});

test('any text is read without a throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      judgeIptables(text, 'iptables', packet);
      judgeNftables(text, packet);
      judgeNftables(`{"nftables":${text}}`, packet);
      judgeIptables(`-A INPUT ${text}`, 'iptables', packet);
    }),
  );
});
