/**
 * Writes a program an instruction a line. Operands are registers (`'r1'`) or numbers; places to jump to are labels,
 * which may come later. What the kernel would refuse at once is refused here, with the label or line in the text.
 */
import { HELPERS, type HelperName } from './helpers.ts';
import {
  ALU,
  type AluOperation,
  CLASS,
  type Condition,
  type Instruction,
  JUMP,
  LD_IMM64,
  MODE_ATOMIC,
  MODE_MEMORY,
  type Program,
  PSEUDO_MAP,
  PSEUDO_MAP_VALUE,
  type Register,
  SIZE,
  type Size,
  SOURCE_REGISTER,
  slotsOf,
  TO_BIG_ENDIAN,
} from './instructions.ts';

/** A register, or a number of 32 bits with its sign. */
export type Operand = Register | number;

interface Written extends Instruction {
  /** Where a jump goes, until `assemble` knows how far that is. */
  readonly to?: string;
}

const MAX_NAME_BYTES = 15;

export class Assembler {
  readonly #name: string;
  readonly #written: Written[] = [];
  readonly #labels = new Map<string, number>();

  /** `name`: what the kernel shows of the program, at most 15 letters, digits, `_` and `.`. */
  constructor(name: string) {
    if (!/^[\w.]+$/.test(name) || name.length > MAX_NAME_BYTES) {
      throw new Error(`${name}: no name of a program`);
    }
    this.#name = name;
  }

  label(name: string): this {
    if (this.#labels.has(name)) {
      throw new Error(`${this.#name}: label ${name} twice`);
    }
    this.#labels.set(name, this.#written.length);
    return this;
  }

  /** `dst = dst <operation> operand` in 64 bits; `mov`: `dst = operand`. */
  alu(operation: AluOperation, dst: Register, operand: Operand): this {
    return this.#arithmetic(CLASS.alu64, operation, dst, operand);
  }

  /** The same in 32 bits; the upper half of `dst` becomes 0. */
  alu32(operation: AluOperation, dst: Register, operand: Operand): this {
    return this.#arithmetic(CLASS.alu32, operation, dst, operand);
  }

  mov(dst: Register, operand: Operand): this {
    return this.alu('mov', dst, operand);
  }

  /** `dst = -dst` */
  neg(dst: Register): this {
    return this.#write({ code: CLASS.alu64 | ALU.neg, dst: numberOf(dst) });
  }

  /** The low 16, 32 or 64 bits of `dst` from network order to that of the machine, or back; what is above becomes 0. */
  swap(bits: 16 | 32 | 64, dst: Register): this {
    return this.#write({ code: TO_BIG_ENDIAN, dst: numberOf(dst), immediate: bits });
  }

  /** `dst = *(size *)(base + offset)` */
  load(size: Size, dst: Register, base: Register, offset: number): this {
    const code = CLASS.ldx | MODE_MEMORY | SIZE[size];
    return this.#write({ code, dst: numberOf(dst), src: numberOf(base), offset });
  }

  /** `*(size *)(base + offset) = operand` */
  store(size: Size, base: Register, offset: number, operand: Operand): this {
    return typeof operand === 'number'
      ? this.#write({
          code: CLASS.st | MODE_MEMORY | SIZE[size],
          dst: numberOf(base),
          offset,
          immediate: int32(operand),
        })
      : this.#write({
          code: CLASS.stx | MODE_MEMORY | SIZE[size],
          dst: numberOf(base),
          src: numberOf(operand),
          offset,
        });
  }

  /** `*(size *)(base + offset) += src`, as one step for all processors. */
  atomicAdd(size: 'u32' | 'u64', base: Register, offset: number, src: Register): this {
    const code = CLASS.stx | MODE_ATOMIC | SIZE[size];
    return this.#write({ code, dst: numberOf(base), src: numberOf(src), offset, immediate: ALU.add });
  }

  /** `dst` is a map, for a helper's argument. */
  map(dst: Register, map: string): this {
    return this.#write({ code: LD_IMM64, dst: numberOf(dst), src: PSEUDO_MAP, map });
  }

  /** `dst` points into the only value of an array map. */
  mapValue(dst: Register, map: string, offset: number): this {
    return this.#write({ code: LD_IMM64, dst: numberOf(dst), src: PSEUDO_MAP_VALUE, map, upper: offset });
  }

  jump(to: string): this {
    return this.#write({ code: CLASS.jmp | JUMP.always, to });
  }

  /** To the label if `left <condition> right`, in 64 bits. */
  jumpIf(condition: Condition, left: Register, right: Operand, to: string): this {
    const code = CLASS.jmp | JUMP[condition];
    return typeof right === 'number'
      ? this.#write({ code, dst: numberOf(left), immediate: int32(right), to })
      : this.#write({ code: code | SOURCE_REGISTER, dst: numberOf(left), src: numberOf(right), to });
  }

  /** Arguments in r1–r5, result in r0; r1–r5 are lost. */
  call(helper: HelperName): this {
    return this.#write({ code: CLASS.jmp | JUMP.call, immediate: HELPERS[helper] });
  }

  /** Returns r0. */
  exit(): this {
    return this.#write({ code: CLASS.jmp | JUMP.exit });
  }

  /** @throws Error about a label that is missing or too far away: our mistake. */
  assemble(): Program {
    const slots = this.#slots();
    const instructions = this.#written.map(({ to, ...instruction }, index) => {
      if (to === undefined) {
        return instruction;
      }
      const target = this.#labels.get(to);
      if (target === undefined) {
        throw new Error(`${this.#name}: no label ${to}`);
      }
      const offset = (slots[target] ?? 0) - (slots[index] ?? 0) - 1;
      if (offset < -0x8000 || offset > 0x7fff) {
        throw new Error(`${this.#name}: ${to} is too far away`);
      }
      return { ...instruction, offset };
    });
    const labels = new Map<number, string[]>();
    for (const [name, index] of this.#labels) {
      labels.set(index, [...(labels.get(index) ?? []), name]);
    }
    return { name: this.#name, instructions, labels };
  }

  /** The slot of each instruction, and of the end. */
  #slots(): number[] {
    const slots = [0];
    for (const instruction of this.#written) {
      slots.push((slots.at(-1) ?? 0) + slotsOf(instruction));
    }
    return slots;
  }

  #arithmetic(kind: number, operation: AluOperation, dst: Register, operand: Operand): this {
    const code = kind | ALU[operation];
    return typeof operand === 'number'
      ? this.#write({ code, dst: numberOf(dst), immediate: int32(operand) })
      : this.#write({ code: code | SOURCE_REGISTER, dst: numberOf(dst), src: numberOf(operand) });
  }

  #write(instruction: Partial<Written> & { readonly code: number }): this {
    this.#written.push({ dst: 0, src: 0, offset: 0, immediate: 0, ...instruction });
    return this;
  }
}

function numberOf(register: Register): number {
  return Number(register.slice(1));
}

/** Also of numbers from 2^31 on, which are meant as bits. */
function int32(value: number): number {
  if (!Number.isInteger(value) || value < -0x80000000 || value > 0xffffffff) {
    throw new Error(`${value}: no immediate`);
  }
  return value | 0;
}
