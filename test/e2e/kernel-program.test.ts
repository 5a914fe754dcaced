/** The kernel's program where it belongs: the verifier reads it, and BPF_PROG_TEST_RUN gives it the same packets. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Assembler } from '../../src/linux/bpf/assembler.ts';
import { Bpf } from '../../src/linux/bpf/bpf.ts';
import { TC_ACT_NEXT, TC_ACT_REDIRECT } from '../../src/linux/bpf/helpers.ts';
import { refusal, refusalText } from '../../src/linux/bpf/refusals.ts';
import type { FlowTable } from '../../src/planes/kernel/flow.ts';
import { SharedFlowTable } from '../../src/planes/kernel/flow-table.ts';
import { KernelFlows } from '../../src/planes/kernel/kernel-flows.ts';
import { err } from '../../src/wire/result.ts';
import { peersPresent } from '../support/peers.ts';
import { IPV4_PARTIES, IPV6_PARTIES, PROGRAM_CASES } from '../support/program-cases.ts';
import { KernelRunner } from '../support/program-runners.ts';
import { testCase, testRules } from '../support/program-tests.ts';
import { rtpPacket, udpFrame } from '../support/rtp-frames.ts';

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

test('what is closed refuses, reads as empty and can be closed again', (t) => {
  const kernel = openKernel(t, 4);
  if (kernel === undefined) {
    return;
  }
  const table = kernel.table();
  const { key, flow } = IPV4_PARTIES;
  const installed = table.install(key, flow);
  assert.ok(installed.kind === 'installed');
  kernel.close();
  kernel.close();
  assert.ok(!kernel.open && !table.open);
  kernel.keepAlive(1000);
  assert.equal(installed.handle.counters().packets, 0);
  installed.handle.settle();
  assert.equal(table.remove(key)?.packets, 0);
  const again = table.install(key, flow);
  assert.equal(again.kind === 'refused' && again.reason, 'closed');
});

test('threads have shares of the same table; what a dead one leaves is withdrawn, and nothing else', (t) => {
  const bpf = bpfOf(t);
  const kernel = bpf && openKernel(t, 8);
  if (bpf === undefined || kernel === undefined) {
    return;
  }
  const { key, flow } = IPV4_PARTIES;
  const keys = Array.from({ length: 10 }, (_, index) => ({ ...key, remote: { ...key.remote, port: 4000 + index } }));
  // As they arrive in another thread.
  const tables = [kernel.share(0, 3), kernel.share(3, 5)].map(
    (each) => new SharedFlowTable(bpf, structuredClone(each)),
  );
  const outcomes = keys.map((each, index) => tables[index % 2]?.install(each, flow));
  const slots = outcomes.map((outcome) => (outcome?.kind === 'installed' ? outcome.handle.slot : outcome?.reason));
  assert.deepEqual(slots, [0, 3, 1, 4, 2, 5, 'full', 6, 'full', 7]);
  kernel.keepAlive(60_000);
  const isForwarded = (index: number): boolean => {
    const { remote: from, local: to } = keys[index] ?? key;
    const done = bpf.testRun(kernel.program, udpFrame({ from, to, payload: rtpPacket({ ssrc: flow.ssrc }) }));
    return done.ok && done.value.returned === TC_ACT_REDIRECT;
  };
  assert.deepEqual([isForwarded(0), isForwarded(1)], [true, true]);
  assert.equal(kernel.counters(3).packets, 1);
  kernel.withdraw(0, 3);
  assert.deepEqual([0, 1, 2, 3, 4, 5].map(isForwarded), [false, true, false, true, false, true]);
  // Its place is taken by another thread with the same slots.
  const heir = new SharedFlowTable(bpf, kernel.share(0, 3));
  assert.ok(keys[0] && heir.install(keys[0], flow).kind === 'installed');
  assert.ok(isForwarded(0));
  heir.clear();
  assert.ok(!isForwarded(0) && isForwarded(1));
});

test('a flow that the kernel does not give back ends all forwarding, for good', (t) => {
  const bpf = bpfOf(t);
  const kernel = bpf && openKernel(t, 8);
  if (bpf === undefined || kernel === undefined) {
    return;
  }
  const { key, flow } = IPV4_PARTIES;
  // A descriptor that is no map stands for a right that was dropped.
  const table = new SharedFlowTable(bpf, { ...kernel.share(0, 4), flows: kernel.program });
  assert.equal(kernel.table().install(key, flow).kind, 'installed');
  const outcome = table.install(key, flow);
  assert.equal(outcome.kind === 'refused' && outcome.reason, 'other');
  assert.ok(kernel.open, 'what was never installed needs not be removed');
  kernel.withdraw(0, 0);
  assert.ok(kernel.open);
  const frozen = new SharedFlowTable(failingToDelete(bpf), kernel.share(0, 4));
  assert.equal(frozen.install(key, flow).kind, 'installed');
  frozen.remove(key);
  assert.ok(!kernel.open && !frozen.open);
  kernel.keepAlive(60_000);
  const { remote: from, local: to } = key;
  const done = bpf.testRun(kernel.program, udpFrame({ from, to, payload: rtpPacket({ ssrc: flow.ssrc }) }));
  assert.equal(done.ok && done.value.returned, TC_ACT_NEXT);
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

/** Maps that take elements and do not give them back. */
function failingToDelete(bpf: Bpf): Bpf {
  return new Proxy(bpf, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      return name === 'delete'
        ? () => err(refusal('delete', 1))
        : typeof member === 'function'
          ? member.bind(target)
          : member;
    },
  });
}

function openTable(t: TestContext, capacity: number): FlowTable | undefined {
  return openKernel(t, capacity)?.table();
}

function openKernel(t: TestContext, capacity: number): KernelFlows | undefined {
  const bpf = bpfOf(t);
  if (bpf === undefined) {
    return undefined;
  }
  const table = KernelFlows.open(bpf, capacity);
  assert.ok(table.ok, JSON.stringify(table));
  t.after(() => table.value.close());
  return table.value;
}
