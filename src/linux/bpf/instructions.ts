/**
 * One instruction of the kernel's virtual machine, as data and as bytes (Documentation/bpf/standardization).
 *
 * ```
 *  0        1          2            4                 8
 *  │ code:8 │ src:4 dst:4 │ offset:16 │ immediate:32 │       little-endian machines; `ld_imm64` takes two slots
 *  code: operation:4 source:1 class:3 of arithmetic and jumps, mode:3 size:2 class:3 of loads and stores
 * ```
 */

/** r0 is what a call and the program return, r1–r5 are arguments, r6–r9 survive calls, r10 is the frame. */
export type Register = 'r0' | 'r1' | 'r2' | 'r3' | 'r4' | 'r5' | 'r6' | 'r7' | 'r8' | 'r9' | 'r10';

export type Size = 'u8' | 'u16' | 'u32' | 'u64';

export const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu32: 4, jmp: 5, jmp32: 6, alu64: 7 } as const;

export const SIZE = { u32: 0x00, u16: 0x08, u8: 0x10, u64: 0x18 } as const satisfies Record<Size, number>;

export const MODE_MEMORY = 0x60;
export const MODE_ATOMIC = 0xc0;

/** The operand is a register, not the immediate. */
export const SOURCE_REGISTER = 0x08;

export const ALU = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  neg: 0x80,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
  end: 0xd0,
} as const;

export type AluOperation = Exclude<keyof typeof ALU, 'neg' | 'end'>;

export const JUMP = {
  always: 0x00,
  eq: 0x10,
  gt: 0x20,
  ge: 0x30,
  set: 0x40,
  ne: 0x50,
  sgt: 0x60,
  sge: 0x70,
  call: 0x80,
  exit: 0x90,
  lt: 0xa0,
  le: 0xb0,
  slt: 0xc0,
  sle: 0xd0,
} as const;

/** `set`: any bit in common; `s…`: signed. */
export type Condition = Exclude<keyof typeof JUMP, 'always' | 'call' | 'exit'>;

export const LD_IMM64 = 0x18;
/** Sources of `ld_imm64`: a map, or a place in the one value of an array map. */
export const PSEUDO_MAP = 1;
export const PSEUDO_MAP_VALUE = 2;

/** Byte order: of a conversion to big-endian on a little-endian machine. */
export const TO_BIG_ENDIAN = CLASS.alu32 | ALU.end | SOURCE_REGISTER;

export interface Instruction {
  readonly code: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly immediate: number;
  /** Of `ld_imm64` only: the upper half, or the offset inside a map's value. */
  readonly upper?: number;
  /** Of `ld_imm64` only: the map whose descriptor takes the place of the immediate. */
  readonly map?: string;
}

export const INSTRUCTION_BYTES = 8;

/** A whole program. Its maps are names until it is loaded. */
export interface Program {
  readonly name: string;
  readonly instructions: readonly Instruction[];
  /** Labels by the index of their instruction; for the listing. */
  readonly labels: ReadonlyMap<number, readonly string[]>;
}

/** Slots of eight bytes that the instruction takes. */
export function slotsOf(instruction: Instruction): number {
  return instruction.code === LD_IMM64 ? 2 : 1;
}

/** @throws Error when a map has no descriptor: our mistake, no operator's. */
export function encodeProgram(program: Program, descriptors: Readonly<Record<string, number>>): Buffer {
  const slots = program.instructions.reduce((sum, instruction) => sum + slotsOf(instruction), 0);
  const bytes = Buffer.alloc(slots * INSTRUCTION_BYTES);
  let at = 0;
  for (const instruction of program.instructions) {
    const { code, dst, src, offset, map, upper = 0 } = instruction;
    const immediate = map === undefined ? instruction.immediate : descriptors[map];
    if (immediate === undefined) {
      throw new Error(`${program.name}: no map ${map}`);
    }
    bytes[at] = code;
    bytes[at + 1] = (src << 4) | dst;
    bytes.writeInt16LE(offset, at + 2);
    bytes.writeInt32LE(immediate | 0, at + 4);
    if (code === LD_IMM64) {
      bytes.writeInt32LE(upper | 0, at + 12);
    }
    at += slotsOf(instruction) * INSTRUCTION_BYTES;
  }
  return bytes;
}
