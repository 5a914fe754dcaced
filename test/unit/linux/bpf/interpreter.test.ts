import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Assembler, type Operand } from '../../../../src/linux/bpf/assembler.ts';
import { SKB } from '../../../../src/linux/bpf/helpers.ts';
import type { AluOperation, Condition } from '../../../../src/linux/bpf/instructions.ts';
import { InterpretedArray, InterpretedHash } from '../../../../src/linux/bpf/interpreted-map.ts';
import { interpret, type Machine } from '../../../../src/linux/bpf/interpreter.ts';
import { MachineFault } from '../../../../src/linux/bpf/machine-memory.ts';
import { SocketBuffer } from '../../../../src/linux/bpf/socket-buffer.ts';

const FRAME = Uint8Array.from({ length: 64 }, (_, index) => index);
const MACHINE: Machine = { maps: {}, nowNs: 0n };

function run(a: Assembler, machine = MACHINE, packet = new SocketBuffer(FRAME)): number {
  return interpret(a.exit().assemble(), packet, machine).returned;
}

/** Left and right are made of 32-bit immediates, so they are numbers with a sign. */
const ARITHMETIC: readonly (readonly [AluOperation, number, number, result64: number, result32: number])[] = [
  ['add', 7, -9, -2, -2],
  ['sub', 7, 9, -2, -2],
  ['mul', -3, 5, -15, -15],
  ['div', 100, 7, 14, 14],
  ['div', 100, 0, 0, 0],
  ['mod', 100, 7, 2, 2],
  ['mod', 100, 0, 100, 100],
  ['or', 0x50, 0x0f, 0x5f, 0x5f],
  ['and', 0x5f, 0x0f, 0x0f, 0x0f],
  ['xor', 0x5f, 0x0f, 0x50, 0x50],
  ['lsh', 1, 4, 16, 16],
  ['lsh', 1, 32, 0, 1],
  ['rsh', 0x100, 4, 0x10, 0x10],
  ['arsh', -256, 4, -16, -16],
];

for (const [operation, left, right, wide, narrow] of ARITHMETIC) {
  test(`${left} ${operation} ${right}`, () => {
    for (const operand of [right, 'r2'] satisfies Operand[]) {
      const begin = (): Assembler => new Assembler('alu').mov('r0', left).mov('r2', right);
      assert.equal(run(begin().alu(operation, 'r0', operand)), wide);
      assert.equal(run(begin().alu32(operation, 'r0', operand)), narrow);
    }
  });
}

test('a result of 32 bits has an empty upper half', () => {
  const a = new Assembler('upper').mov('r0', -1).alu32('add', 'r0', 0).alu('rsh', 'r0', 32);
  assert.equal(run(a), 0);
});

test('numbers are converted from network order, and what is above goes', () => {
  assert.equal(run(new Assembler('swap').mov('r0', 0x11223344).swap(16, 'r0')), 0x4433);
  assert.equal(run(new Assembler('swap').mov('r0', 0x11223344).swap(32, 'r0')), 0x44332211);
  assert.equal(run(new Assembler('swap').mov('r0', 1).swap(64, 'r0').alu('rsh', 'r0', 56)), 1);
});

/** Which of the conditions hold for a pair. */
const PAIRS: readonly (readonly [left: number, right: number, holds: readonly Condition[]])[] = [
  [5, 5, ['eq', 'ge', 'le', 'sge', 'sle', 'set']],
  [5, 2, ['ne', 'gt', 'ge', 'sgt', 'sge']],
  [2, 5, ['ne', 'lt', 'le', 'slt', 'sle']],
  [-1, 1, ['ne', 'gt', 'ge', 'slt', 'sle', 'set']],
];
const CONDITIONS: readonly Condition[] = ['eq', 'ne', 'gt', 'ge', 'lt', 'le', 'sgt', 'sge', 'slt', 'sle', 'set'];

for (const [left, right, expected] of PAIRS) {
  test(`conditions of ${left} and ${right}`, () => {
    for (const operand of [right, 'r2'] satisfies Operand[]) {
      const found = CONDITIONS.filter((condition) => {
        const a = new Assembler('jump').mov('r0', 1).mov('r1', left).mov('r2', right);
        return run(a.jumpIf(condition, 'r1', operand, 'end').mov('r0', 0).label('end')) === 1;
      });
      assert.deepEqual(new Set(found), new Set(expected));
    }
  });
}

test('a map is looked up by a key in the frame, and its value written in place', () => {
  const hash = new InterpretedHash(4, 8);
  hash.update(Uint8Array.of(1, 0, 0, 0), Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0));
  const array = new InterpretedArray(2, 8);
  const program = (key: number): Assembler =>
    new Assembler('maps')
      .store('u32', 'r10', -4, key)
      .map('r1', 'hash')
      .mov('r2', 'r10')
      .alu('add', 'r2', -4)
      .call('map_lookup_elem')
      .jumpIf('eq', 'r0', 0, 'end')
      .load('u64', 'r1', 'r0', 0)
      .mapValue('r2', 'array', 0)
      .atomicAdd('u64', 'r2', 0, 'r1')
      .mov('r0', 1)
      .label('end');
  const machine = { maps: { hash, array }, nowNs: 0n };
  assert.equal(run(program(1), machine), 1);
  assert.equal(run(program(1), machine), 1);
  assert.equal(run(program(2), machine), 0);
  assert.equal(array.memory[0], 10);
  assert.ok(hash.delete(Uint8Array.of(1, 0, 0, 0)));
  assert.equal(run(program(1), machine), 0);
});

test('pulled data can be read', () => {
  const packet = new SocketBuffer(FRAME, { linearBytes: 14 });
  const a = new Assembler('pull')
    .mov('r6', 'r1')
    .mov('r2', 20)
    .call('skb_pull_data')
    .load('u32', 'r1', 'r6', SKB.data)
    .load('u8', 'r0', 'r1', 19);
  assert.equal(run(a, MACHINE, packet), 19);
});

const FAULTS: readonly (readonly [what: string, a: Assembler, text: RegExp])[] = [
  ['a register that nothing was written to', new Assembler('x').mov('r0', 'r3'), /r3 is read/],
  [
    'a register that a call has lost',
    new Assembler('x').mov('r1', 0).call('ktime_get_ns').mov('r0', 'r1'),
    /r1 is read/,
  ],
  [
    'beyond the packet',
    new Assembler('x').load('u32', 'r2', 'r1', SKB.data).load('u32', 'r0', 'r2', 61),
    /packet: 4 bytes at 61 of 64/,
  ],
  [
    'before the packet',
    new Assembler('x').load('u32', 'r2', 'r1', SKB.data).load('u8', 'r0', 'r2', -1),
    /packet: 1 bytes at -1/,
  ],
  ['above the frame', new Assembler('x').load('u8', 'r0', 'r10', 0), /stack/],
  ['below the frame', new Assembler('x').load('u64', 'r0', 'r10', -520), /stack/],
  ['NULL', new Assembler('x').mov('r1', 0).load('u8', 'r0', 'r1', 0), /0x0 is no pointer/],
  [
    'a field of the context that the program has no business with',
    new Assembler('x').load('u32', 'r0', 'r1', 4096 - 1),
    /pointer|context/,
  ],
  [
    'into the packet by a direct write',
    new Assembler('x').load('u32', 'r2', 'r1', SKB.data).store('u8', 'r2', 0, 1),
    /written/,
  ],
  [
    'a packet pointer from before the packet moved',
    new Assembler('x')
      .mov('r6', 'r1')
      .load('u32', 'r7', 'r6', SKB.data)
      .mov('r2', 20)
      .call('skb_pull_data')
      .load('u8', 'r0', 'r7', 0),
    /from before the packet moved/,
  ],
  ['a loop without an end', new Assembler('x').label('again').jump('again'), /no end after/],
];

for (const [what, a, text] of FAULTS) {
  test(`faults on ${what}`, () => {
    assert.throws(
      () => run(a),
      (error: unknown) => error instanceof MachineFault && text.test(error.message),
    );
  });
}
