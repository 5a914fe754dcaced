import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Assembler } from '../../../../src/linux/bpf/assembler.ts';
import { encodeProgram } from '../../../../src/linux/bpf/instructions.ts';
import { listProgram } from '../../../../src/linux/bpf/listing.ts';

type Write = (a: Assembler) => void;

/** Bytes as clang and bpftool print them: code, registers, offset, immediate. */
const GOLDEN: readonly (readonly [listing: string, bytes: string, write: Write])[] = [
  ['r6 = r1', 'bf16000000000000', (a) => a.mov('r6', 'r1')],
  ['r0 = -1', 'b7000000ffffffff', (a) => a.mov('r0', -1)],
  ['w0 = w0', 'bc00000000000000', (a) => a.alu32('mov', 'r0', 'r0')],
  ['r2 += 14', '070200000e000000', (a) => a.alu('add', 'r2', 14)],
  ['r2 += r3', '0f32000000000000', (a) => a.alu('add', 'r2', 'r3')],
  ['w1 += 5', '0401000005000000', (a) => a.alu32('add', 'r1', 5)],
  ['r2 -= r3', '1f32000000000000', (a) => a.alu('sub', 'r2', 'r3')],
  ['r3 *= r2', '2f23000000000000', (a) => a.alu('mul', 'r3', 'r2')],
  ['r3 /= 1000000000', '3703000000ca9a3b', (a) => a.alu('div', 'r3', 1_000_000_000)],
  ['r3 |= 96', '4703000060000000', (a) => a.alu('or', 'r3', 0x60)],
  ['r2 &= r3', '5f32000000000000', (a) => a.alu('and', 'r2', 'r3')],
  ['r4 <<= 48', '6704000030000000', (a) => a.alu('lsh', 'r4', 48)],
  ['r2 >>= 16', '7702000010000000', (a) => a.alu('rsh', 'r2', 16)],
  ['r4 s>>= 48', 'c704000030000000', (a) => a.alu('arsh', 'r4', 48)],
  ['r2 %= 7', '9702000007000000', (a) => a.alu('mod', 'r2', 7)],
  ['r0 ^= 65535', 'a7000000ffff0000', (a) => a.alu('xor', 'r0', 0xffff)],
  ['r4 = -r4', '8704000000000000', (a) => a.neg('r4')],
  ['r2 = be16 r2', 'dc02000010000000', (a) => a.swap(16, 'r2')],
  ['r2 = *(u8 *)(r7 + 14)', '71720e0000000000', (a) => a.load('u8', 'r2', 'r7', 14)],
  ['r2 = *(u16 *)(r7 + 12)', '69720c0000000000', (a) => a.load('u16', 'r2', 'r7', 12)],
  ['r2 = *(u32 *)(r6 + 76)', '61624c0000000000', (a) => a.load('u32', 'r2', 'r6', 76)],
  ['r2 = *(u64 *)(r10 - 8)', '79a2f8ff00000000', (a) => a.load('u64', 'r2', 'r10', -8)],
  ['*(u32 *)(r10 - 4) = r2', '632afcff00000000', (a) => a.store('u32', 'r10', -4, 'r2')],
  ['*(u64 *)(r10 - 8) = 1', '7a0af8ff01000000', (a) => a.store('u64', 'r10', -8, 1)],
  ['*(u8 *)(r10 - 1) = 7', '720affff07000000', (a) => a.store('u8', 'r10', -1, 7)],
  ['*(u16 *)(r10 - 2) = r3', '6b3afeff00000000', (a) => a.store('u16', 'r10', -2, 'r3')],
  ['lock *(u64 *)(r0 + 8) += r1', 'db10080000000000', (a) => a.atomicAdd('u64', 'r0', 8, 'r1')],
  ['lock *(u32 *)(r0 + 4) += r1', 'c310040000000000', (a) => a.atomicAdd('u32', 'r0', 4, 'r1')],
  ['call map_lookup_elem', '8500000001000000', (a) => a.call('map_lookup_elem')],
  ['call redirect_neigh', '8500000098000000', (a) => a.call('redirect_neigh')],
  ['r1 = map flows', '18110000050000000000000000000000', (a) => a.map('r1', 'flows')],
  ['r1 = value of control + 8', '18210000060000000000000008000000', (a) => a.mapValue('r1', 'control', 8)],
  ['goto there', '0500000000000000', (a) => a.jump('there').label('there')],
  ['if r0 == 0 goto there', '1500000000000000', (a) => a.jumpIf('eq', 'r0', 0, 'there').label('there')],
  ['if r2 > r3 goto there', '2d32000000000000', (a) => a.jumpIf('gt', 'r2', 'r3', 'there').label('there')],
  ['if r2 & 65471 goto there', '45020000bfff0000', (a) => a.jumpIf('set', 'r2', 0xffbf, 'there').label('there')],
  ['if r4 s< -536 goto there', 'c5040000e8fdffff', (a) => a.jumpIf('slt', 'r4', -536, 'there').label('there')],
  ['if r3 s>= 0 goto there', '7503000000000000', (a) => a.jumpIf('sge', 'r3', 0, 'there').label('there')],
];

const END = '9500000000000000';

for (const [listing, bytes, write] of GOLDEN) {
  test(`${listing} is ${bytes}`, () => {
    const a = new Assembler('golden');
    write(a);
    const program = a.exit().assemble();
    assert.equal(encodeProgram(program, { flows: 5, control: 6 }).toString('hex'), bytes + END);
    assert.equal(listProgram(program).split('\n')[0]?.trim(), `0  ${listing}`);
  });
}

test('jumps are counted in slots, and an instruction of 64 bits takes two', () => {
  const program = new Assembler('jumps')
    .label('back')
    .jumpIf('eq', 'r1', 0, 'on')
    .map('r2', 'flows')
    .jump('back')
    .label('on')
    .label('end')
    .exit()
    .assemble();
  assert.equal(
    encodeProgram(program, { flows: 3 }).toString('hex'),
    `1501030000000000${'1812000003000000'}${'0'.repeat(16)}0500fcff00000000${END}`,
  );
  assert.equal(
    listProgram(program),
    [
      'back:',
      '    0  if r1 == 0 goto on',
      '    1  r2 = map flows',
      '    3  goto back',
      'on:',
      'end:',
      '    4  exit',
      '',
    ].join('\n'),
  );
});

test('refuses to encode a program one of whose maps has no descriptor', () => {
  const program = new Assembler('maps').map('r1', 'b').mapValue('r2', 'a', 0).exit().assemble();
  assert.throws(() => encodeProgram(program, { b: 1 }), /no map a/);
});

const MISTAKES: readonly (readonly [what: string, write: () => unknown, text: RegExp])[] = [
  ['a label that is nowhere', () => new Assembler('x').jump('y').assemble(), /no label y/],
  ['a label that is there twice', () => new Assembler('x').label('y').label('y'), /label y twice/],
  ['a number of more than 32 bits', () => new Assembler('x').mov('r0', 2 ** 32), /no immediate/],
  ['half a number', () => new Assembler('x').mov('r0', 0.5), /no immediate/],
  ['a name that the kernel would not take', () => new Assembler('forward-rtp'), /no name/],
  ['a name that is too long', () => new Assembler('a_name_of_sixteen'), /no name/],
];

for (const [what, write, text] of MISTAKES) {
  test(`refuses ${what}`, () => assert.throws(write, text));
}

test('refuses a jump further than 16 bits reach', () => {
  const a = new Assembler('far').jump('end');
  for (let line = 0; line <= 0x8000; line += 1) {
    a.mov('r0', 0);
  }
  assert.throws(() => a.label('end').exit().assemble(), /end is too far away/);
});
