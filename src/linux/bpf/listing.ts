/** A program as text, in the notation of the kernel's verifier, with the labels that it was written with. */
import { helperName } from './helpers.ts';
import {
  ALU,
  CLASS,
  type Instruction,
  JUMP,
  LD_IMM64,
  MODE_ATOMIC,
  type Program,
  PSEUDO_MAP,
  SIZE,
  SOURCE_REGISTER,
  slotsOf,
} from './instructions.ts';

/** A line an instruction, numbered by slots as the verifier does in its log. */
export function listProgram(program: Program): string {
  const lines: string[] = [];
  const labelAtSlot = new Map<number, string>();
  let slot = 0;
  for (const [index, instruction] of program.instructions.entries()) {
    const [label] = program.labels.get(index) ?? [];
    if (label !== undefined) {
      labelAtSlot.set(slot, label);
    }
    slot += slotsOf(instruction);
  }
  slot = 0;
  for (const [index, instruction] of program.instructions.entries()) {
    for (const label of program.labels.get(index) ?? []) {
      lines.push(`${label}:`);
    }
    const target = labelAtSlot.get(slot + 1 + instruction.offset);
    lines.push(`${String(slot).padStart(5)}  ${listInstruction(instruction, target)}`);
    slot += slotsOf(instruction);
  }
  return `${lines.join('\n')}\n`;
}

/** `target`: the label that a jump leads to; without it the number of slots to skip. */
export function listInstruction(instruction: Instruction, target?: string): string {
  const { code, dst, src, offset, immediate } = instruction;
  const kind = code & 0x07;
  if (code === LD_IMM64) {
    return listWide(instruction);
  }
  const place = (register: number): string =>
    `*(${sizeName(code)} *)(r${register} ${offset < 0 ? '-' : '+'} ${Math.abs(offset)})`;
  switch (kind) {
    case CLASS.ldx:
      return `r${dst} = ${place(src)}`;
    case CLASS.st:
      return `${place(dst)} = ${immediate}`;
    case CLASS.stx:
      return (code & 0xe0) === MODE_ATOMIC ? `lock ${place(dst)} += r${src}` : `${place(dst)} = r${src}`;
    case CLASS.jmp:
    case CLASS.jmp32:
      return listJump(instruction, target);
    default:
      return listArithmetic(instruction);
  }
}

function listWide({ dst, src, immediate, upper = 0, map }: Instruction): string {
  if (map !== undefined) {
    return src === PSEUDO_MAP ? `r${dst} = map ${map}` : `r${dst} = value of ${map} + ${upper}`;
  }
  return `r${dst} = 0x${((BigInt(upper >>> 0) << 32n) | BigInt(immediate >>> 0)).toString(16)} ll`;
}

function listJump({ code, dst, src, offset, immediate }: Instruction, target: string | undefined): string {
  const operation = code & 0xf0;
  const letter = (code & 0x07) === CLASS.jmp32 ? 'w' : 'r';
  const to = target ?? `${offset < 0 ? '' : '+'}${offset}`;
  switch (operation) {
    case JUMP.exit:
      return 'exit';
    case JUMP.call:
      return `call ${helperName(immediate) ?? immediate}`;
    case JUMP.always:
      return `goto ${to}`;
    default:
      return `if ${letter}${dst} ${CONDITIONS.get(operation) ?? '?'} ${(code & SOURCE_REGISTER) === 0 ? immediate : `${letter}${src}`} goto ${to}`;
  }
}

function listArithmetic({ code, dst, src, immediate }: Instruction): string {
  const operation = code & 0xf0;
  const letter = (code & 0x07) === CLASS.alu32 ? 'w' : 'r';
  if (operation === ALU.end) {
    return `r${dst} = be${immediate} r${dst}`;
  }
  if (operation === ALU.neg) {
    return `${letter}${dst} = -${letter}${dst}`;
  }
  const operand = (code & SOURCE_REGISTER) === 0 ? immediate : `${letter}${src}`;
  return `${letter}${dst} ${OPERATORS.get(operation) ?? '?'} ${operand}`;
}

function sizeName(code: number): string {
  return Object.entries(SIZE).find(([, bits]) => bits === (code & 0x18))?.[0] ?? '?';
}

const OPERATORS: ReadonlyMap<number, string> = new Map([
  [ALU.add, '+='],
  [ALU.sub, '-='],
  [ALU.mul, '*='],
  [ALU.div, '/='],
  [ALU.or, '|='],
  [ALU.and, '&='],
  [ALU.lsh, '<<='],
  [ALU.rsh, '>>='],
  [ALU.mod, '%='],
  [ALU.xor, '^='],
  [ALU.mov, '='],
  [ALU.arsh, 's>>='],
]);

const CONDITIONS: ReadonlyMap<number, string> = new Map([
  [JUMP.eq, '=='],
  [JUMP.gt, '>'],
  [JUMP.ge, '>='],
  [JUMP.set, '&'],
  [JUMP.ne, '!='],
  [JUMP.sgt, 's>'],
  [JUMP.sge, 's>='],
  [JUMP.lt, '<'],
  [JUMP.le, '<='],
  [JUMP.slt, 's<'],
  [JUMP.sle, 's<='],
]);
