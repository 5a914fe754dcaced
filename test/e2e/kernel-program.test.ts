/** The kernel's program where it belongs: the verifier reads it, and BPF_PROG_TEST_RUN gives it the same packets. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Assembler } from '../../src/linux/bpf/assembler.ts';
import { Bpf } from '../../src/linux/bpf/bpf.ts';
import { refusalText } from '../../src/linux/bpf/refusals.ts';
import { KernelFlows } from '../../src/planes/kernel/kernel-flows.ts';
import { peersPresent } from '../support/peers.ts';
import { IPV4_PARTIES, IPV6_PARTIES, PROGRAM_CASES } from '../support/program-cases.ts';
import { KernelRunner } from '../support/program-runners.ts';
import { testCase, testRules } from '../support/program-tests.ts';

for (const the of PROGRAM_CASES.filter(({ interpreterOnly }) => interpreterOnly !== true)) {
  test(`${the.name}, in the kernel`, (t) => {
    const needed = the.facts?.checksum === 'complete' ? (['bpf', 'bpf checksums'] as const) : (['bpf'] as const);
    if (peersPresent(t, ...needed)) {
      testCase(new KernelRunner(t), the);
    }
  });
}

testRules((t) => (peersPresent(t, 'bpf') ? new KernelRunner(t) : undefined), ', in the kernel');

test('a full table says so, and has room again when a flow goes', (t) => {
  const table = openTable(t, 2);
  if (table === undefined) {
    return;
  }
  const { key, flow } = IPV4_PARTIES;
  const keys = [1, 2, 3].map((port) => ({ ...key, remote: { ...key.remote, port } }));
  const outcomes = keys.map((each) => table.install(each, flow));
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.kind === 'refused' ? outcome.reason : outcome.kind)),
    ['installed', 'installed', 'full'],
  );
  assert.equal(table.size, 2);
  assert.ok(keys[0] && table.remove(keys[0]));
  assert.equal(keys[2] && table.install(keys[2], flow).kind, 'installed');
  assert.equal(table.size, 2);
});

test('a flow that the program could not carry is refused, and takes no room', (t) => {
  const table = openTable(t, 1);
  if (table === undefined) {
    return;
  }
  const { key, flow } = IPV4_PARTIES;
  for (const wrong of [
    { destination: IPV6_PARTIES.flow.destination },
    { source: { address: 'nowhere', port: 1 } },
    { nextHop: 'fe80::1' },
    { outIfindex: 0 },
    { payloadTypes: [72] },
    { payloadTypes: [128] },
    { clockRateHz: 0 },
    { mtu: 70_000 },
    { tos: 256 },
    { destination: { ...flow.destination, port: 0 } },
  ]) {
    const outcome = table.install(key, { ...flow, ...wrong });
    assert.equal(outcome.kind === 'refused' && outcome.reason, 'unsuited', JSON.stringify(wrong));
  }
  assert.equal(table.install({ ...key, family: 6 }, flow).kind, 'refused');
  assert.equal(table.size, 0);
  assert.equal(table.install(key, flow).kind, 'installed');
});

test('a flow that is replaced by an impossible one is gone', (t) => {
  const table = openTable(t, 1);
  if (table === undefined) {
    return;
  }
  const { key, flow } = IPV4_PARTIES;
  assert.equal(table.install(key, flow).kind, 'installed');
  assert.equal(table.install(key, { ...flow, tos: -1 }).kind, 'refused');
  assert.equal(table.counters(key), undefined);
  assert.equal(table.install(key, flow).kind, 'installed');
});

test('a removed flow gives its last counters, and another one in its place begins at nothing', (t) => {
  const table = openTable(t, 1);
  if (table === undefined) {
    return;
  }
  const { key, flow } = IPV4_PARTIES;
  const installed = table.install(key, flow);
  assert.ok(installed.kind === 'installed');
  assert.equal(table.remove(key)?.packets, 0);
  assert.equal(table.remove(key), undefined);
  assert.equal(table.counters(key), undefined);
  assert.equal(table.size, 0);
});

test('a closed table refuses, reads as empty and can be closed again', (t) => {
  const table = openTable(t, 4);
  if (table === undefined) {
    return;
  }
  const { key, flow } = IPV4_PARTIES;
  const installed = table.install(key, flow);
  assert.ok(installed.kind === 'installed');
  table.close();
  table.close();
  assert.equal(installed.handle.counters().packets, 0);
  installed.handle.settle();
  assert.equal(table.remove(key), undefined);
  const again = table.install(key, flow);
  assert.equal(again.kind === 'refused' && again.reason, 'closed');
});

test('what the verifier refuses comes back with its reason and what to do', (t) => {
  const bpf = bpfOf(t);
  if (bpf === undefined) {
    return;
  }
  const wild = new Assembler('wild').load('u64', 'r0', 'r1', 4096).exit().assemble();
  const loaded = bpf.loadProgram(wild, {});
  assert.ok(!loaded.ok);
  assert.equal(loaded.error.errno, 'EACCES');
  assert.match(loaded.error.log ?? '', /invalid bpf_context access off=4096/);
  assert.match(refusalText(loaded.error), /^load program EACCES: The verifier of this kernel refuses the program/);
});

test('maps and links that cannot be are values with a remedy', (t) => {
  const bpf = bpfOf(t);
  if (bpf === undefined) {
    return;
  }
  const map = bpf.createMap({ type: 'hash', name: 'none', keyBytes: 4, valueBytes: 4, entries: 0 });
  assert.equal(!map.ok && map.error.errno, 'EINVAL');
  const missing = bpf.update(-1, new Uint8Array(4), new Uint8Array(4));
  assert.equal(!missing.ok && missing.error.errno, 'EBADF');
  const memory = bpf.mapMemory(-1, 4096);
  assert.equal(!memory.ok && memory.error.errno, 'EBADF');
  const loaded = bpf.loadProgram(new Assembler('pass').mov('r0', 0).exit().assemble(), {});
  assert.ok(loaded.ok);
  t.after(() => bpf.close(loaded.value));
  const link = bpf.attachIngress(loaded.value, 0x7ffffff0);
  assert.equal(!link.ok && link.error.operation, 'attach program');
});

test('elements of a map are updated, found, updated many at a time and deleted', (t) => {
  const bpf = bpfOf(t);
  if (bpf === undefined) {
    return;
  }
  const map = bpf.createMap({ type: 'hash', name: 'pairs', keyBytes: 4, valueBytes: 8, entries: 4 });
  assert.ok(map.ok);
  t.after(() => bpf.close(map.value));
  const key = Buffer.from('00000001', 'hex');
  const value = Buffer.from('1122334455667788', 'hex');
  assert.ok(bpf.update(map.value, key, value).ok);
  const found = bpf.lookUp(map.value, key, 8);
  assert.equal(found.ok && found.value.toString('hex'), '1122334455667788');
  const keys = Buffer.from('0000000200000003', 'hex');
  const batch = bpf.updateBatch(map.value, keys, Buffer.concat([value, value]), 2);
  assert.equal(batch.ok && batch.value, 2);
  assert.ok(bpf.delete(map.value, keys.subarray(4)).ok);
  const gone = bpf.delete(map.value, keys.subarray(4));
  assert.equal(!gone.ok && gone.error.errno, 'ENOENT');
});

function bpfOf(t: TestContext): Bpf | undefined {
  if (!peersPresent(t, 'bpf')) {
    return undefined;
  }
  const bpf = Bpf.load();
  assert.ok(typeof bpf !== 'string', String(bpf));
  return bpf;
}

function openTable(t: TestContext, capacity: number): KernelFlows | undefined {
  const bpf = bpfOf(t);
  if (bpf === undefined) {
    return undefined;
  }
  const table = KernelFlows.open(bpf, capacity);
  assert.ok(table.ok, JSON.stringify(table));
  t.after(() => table.value.close());
  return table.value;
}
