/**
 * Runs a program of the tc hook on one packet, without a kernel: the instructions that `assembler.ts` writes and the
 * helpers of `helpers.ts`. What the verifier would refuse (memory out of reach, a packet pointer kept across a helper
 * that moves the packet, registers that a call has lost, an endless loop) throws a `MachineFault`.
 */
import { addSums, subtractSums, sumWords } from './checksum.ts';
import { type HelperName, helperName, MOVES_PACKET, SKB, TC_ACT_REDIRECT, TC_ACT_SHOT } from './helpers.ts';
import {
  ALU,
  CLASS,
  type Instruction,
  JUMP,
  LD_IMM64,
  MODE_ATOMIC,
  type Program,
  PSEUDO_MAP,
  PSEUDO_MAP_VALUE,
  SIZE,
  type Size,
  SOURCE_REGISTER,
  slotsOf,
} from './instructions.ts';
import type { InterpretedMap } from './interpreted-map.ts';
import { MachineFault, MachineMemory } from './machine-memory.ts';
import type { SocketBuffer } from './socket-buffer.ts';

export interface Machine {
  readonly maps: Readonly<Record<string, InterpretedMap>>;
  /** What `ktime_get_ns` tells. */
  readonly nowNs: bigint;
}

export interface Redirect {
  readonly ifindex: number;
  /** struct bpf_redir_neigh; undefined: by the routes. */
  readonly neighbour: Uint8Array | undefined;
}

export interface RunResult {
  /** 32 bits, signed. */
  readonly returned: number;
  readonly redirect: Redirect | undefined;
  readonly steps: number;
}

const STACK_BYTES = 512;
const MAX_STEPS = 100_000;
const NEIGHBOUR_BYTES = 20;

/** @throws MachineFault */
export function interpret(program: Program, packet: SocketBuffer, machine: Machine): RunResult {
  return new Run(program, packet, machine).run();
}

class Run {
  readonly #program: Program;
  readonly #packet: SocketBuffer;
  readonly #machine: Machine;
  readonly #memory = new MachineMemory();
  /** Undefined: nothing was written to it, or a call has lost it. */
  readonly #registers: (bigint | undefined)[];
  /** The instruction at each slot. */
  readonly #slots: (Instruction | undefined)[];
  readonly #context: bigint;
  readonly #maps = new Map<bigint, InterpretedMap>();
  #data: bigint;
  #redirect: Redirect | undefined;

  constructor(program: Program, packet: SocketBuffer, machine: Machine) {
    this.#program = program;
    this.#packet = packet;
    this.#machine = machine;
    this.#slots = program.instructions.flatMap((instruction) =>
      slotsOf(instruction) === 2 ? [instruction, undefined] : [instruction],
    );
    this.#context = this.#memory.add('context', new Uint8Array(192), false, 0);
    this.#data = this.#addPacket();
    this.#registers = new Array<bigint | undefined>(11).fill(undefined);
    this.#registers[1] = this.#context;
    this.#registers[10] = this.#memory.add('stack', new Uint8Array(STACK_BYTES), true) + BigInt(STACK_BYTES);
  }

  run(): RunResult {
    let slot = 0;
    for (let steps = 1; steps <= MAX_STEPS; steps += 1) {
      const instruction = this.#slots[slot];
      if (instruction === undefined) {
        throw new MachineFault(`${this.#program.name}: no instruction at ${slot}`);
      }
      if (instruction.code === (CLASS.jmp | JUMP.exit)) {
        return { returned: Number(BigInt.asIntN(32, this.#read(0))), redirect: this.#redirect, steps };
      }
      slot += slotsOf(instruction) + this.#step(instruction);
    }
    throw new MachineFault(`${this.#program.name}: no end after ${MAX_STEPS} steps`);
  }

  /** How many slots are skipped. */
  #step(instruction: Instruction): number {
    const { code, dst, src, offset, immediate } = instruction;
    if (code === LD_IMM64) {
      this.#registers[dst] = this.#wide(instruction);
      return 0;
    }
    switch (code & 0x07) {
      case CLASS.ldx:
        this.#registers[dst] = this.#load(sizeOf(code), this.#read(src) + BigInt(offset));
        return 0;
      case CLASS.st:
        this.#store(sizeOf(code), this.#read(dst) + BigInt(offset), BigInt(immediate));
        return 0;
      case CLASS.stx:
        this.#storeRegister(instruction);
        return 0;
      case CLASS.jmp:
        return this.#jump(instruction);
      case CLASS.alu32:
      case CLASS.alu64:
        this.#registers[dst] = this.#arithmetic(instruction);
        return 0;
      default:
        throw new MachineFault(`code 0x${code.toString(16)} is not known here`);
    }
  }

  #read(register: number): bigint {
    const value = this.#registers[register];
    if (value === undefined) {
      throw new MachineFault(`r${register} is read, and nothing was written to it`);
    }
    return value;
  }

  #wide({ src, immediate, upper = 0, map }: Instruction): bigint {
    if (map === undefined) {
      return (BigInt(upper >>> 0) << 32n) | BigInt(immediate >>> 0);
    }
    const found = this.#machine.maps[map];
    if (found === undefined) {
      throw new MachineFault(`no map ${map}`);
    }
    if (src === PSEUDO_MAP) {
      const address = this.#memory.add(`map ${map}`, new Uint8Array(0), false);
      this.#maps.set(address, found);
      return address;
    }
    const value = src === PSEUDO_MAP_VALUE ? found.lookup(new Uint8Array(4)) : undefined;
    if (value === undefined) {
      throw new MachineFault(`map ${map} has no value`);
    }
    return this.#memory.add(`value of ${map}`, value, true) + BigInt(upper);
  }

  #load(size: Size, address: bigint): bigint {
    return this.#inContext(address)
      ? this.#field(size, Number(address - this.#context))
      : this.#memory.load(size, address);
  }

  #store(size: Size, address: bigint, value: bigint): void {
    if (!this.#inContext(address)) {
      this.#memory.store(size, address, value);
    } else if (size === 'u32' && address - this.#context === BigInt(SKB.mark)) {
      this.#packet.mark = Number(BigInt.asUintN(32, value));
    } else {
      throw new MachineFault(`context: ${size} at ${address - this.#context} cannot be written`);
    }
  }

  #storeRegister({ code, dst, src, offset, immediate }: Instruction): void {
    const size = sizeOf(code);
    const address = this.#read(dst) + BigInt(offset);
    if ((code & 0xe0) !== MODE_ATOMIC) {
      this.#store(size, address, this.#read(src));
    } else if (immediate === ALU.add) {
      this.#memory.store(size, address, this.#memory.load(size, address) + this.#read(src));
    } else {
      throw new MachineFault(`atomic operation ${immediate} is not known here`);
    }
  }

  #inContext(address: bigint): boolean {
    return address >= this.#context && address < this.#context + 192n;
  }

  #field(size: Size, offset: number): bigint {
    const packet = this.#packet;
    const fields: Readonly<Record<number, () => bigint>> = {
      [SKB.len]: () => BigInt(packet.bytes.length),
      [SKB.pkt_type]: () => BigInt(packet.packetType),
      [SKB.mark]: () => BigInt(packet.mark),
      [SKB.protocol]: () => BigInt(packet.protocol),
      [SKB.vlan_present]: () => (packet.vlanPresent ? 1n : 0n),
      [SKB.gso_size]: () => BigInt(packet.gsoSize),
      [SKB.data]: () => this.#data,
      [SKB.data_end]: () => this.#data + BigInt(packet.linearBytes),
    };
    const field = fields[offset];
    if (field === undefined || size !== 'u32') {
      throw new MachineFault(`context: ${size} at ${offset} is not known here`);
    }
    return field();
  }

  #arithmetic({ code, dst, src, immediate }: Instruction): bigint {
    const bits = (code & 0x07) === CLASS.alu64 ? 64 : 32;
    const operation = code & 0xf0;
    if (operation === ALU.end) {
      return swapBytes(this.#read(dst), immediate);
    }
    const right = (code & SOURCE_REGISTER) === 0 ? BigInt(immediate) : operation === ALU.neg ? 0n : this.#read(src);
    const left = operation === ALU.mov ? 0n : this.#read(dst);
    return BigInt.asUintN(bits, compute(operation, left, right, bits));
  }

  #jump({ code, dst, src, offset, immediate }: Instruction): number {
    const operation = code & 0xf0;
    if (operation === JUMP.call) {
      this.#call(immediate);
      return 0;
    }
    if (operation === JUMP.always) {
      return offset;
    }
    const right = (code & SOURCE_REGISTER) === 0 ? BigInt.asUintN(64, BigInt(immediate)) : this.#read(src);
    return holds(operation, this.#read(dst), right) ? offset : 0;
  }

  #call(number: number): void {
    const name = helperName(number);
    if (name === undefined) {
      throw new MachineFault(`helper ${number} is not known here`);
    }
    const result = BigInt.asUintN(64, this.#help(name));
    this.#registers.fill(undefined, 1, 6);
    this.#registers[0] = result;
    if (MOVES_PACKET.has(name)) {
      this.#memory.invalidate(this.#data);
      this.#data = this.#addPacket();
    }
  }

  #addPacket(): bigint {
    return this.#memory.add('packet', this.#packet.bytes, false, this.#packet.linearBytes);
  }

  #help(name: HelperName): bigint {
    const argument = (register: number): number => Number(BigInt.asUintN(32, this.#read(register)));
    const packet = this.#packet;
    if (name.startsWith('skb_') || name === 'l4_csum_replace') {
      this.#expectContext();
    }
    switch (name) {
      case 'map_lookup_elem':
        return this.#lookup();
      case 'ktime_get_ns':
        return this.#machine.nowNs;
      case 'skb_store_bytes': {
        const data = this.#memory.bytes(this.#read(3), argument(4), false);
        return BigInt(packet.storeBytes(argument(2), data, argument(5)));
      }
      case 'l4_csum_replace':
        return BigInt(packet.l4ChecksumReplace(argument(2), argument(3), argument(4), argument(5)));
      case 'csum_diff':
        return this.#checksumDifference();
      case 'skb_pull_data':
        return BigInt(packet.pullData(argument(2)));
      case 'redirect_neigh':
        return this.#redirectNeighbour();
    }
  }

  #lookup(): bigint {
    const map = this.#maps.get(this.#read(1));
    if (map === undefined) {
      throw new MachineFault('map_lookup_elem: r1 is no map');
    }
    const value = map.lookup(this.#memory.bytes(this.#read(2), map.keyBytes, false));
    return value === undefined ? 0n : this.#memory.add('map value', value, true);
  }

  #checksumDifference(): bigint {
    const part = (pointer: number, length: number): Uint8Array => {
      const bytes = Number(this.#read(length));
      if (bytes % 4 !== 0) {
        throw new MachineFault(`csum_diff: ${bytes} is no multiple of 4`);
      }
      return bytes === 0 ? new Uint8Array(0) : this.#memory.bytes(this.#read(pointer), bytes, false);
    };
    const seed = Number(BigInt.asUintN(32, this.#read(5)));
    return BigInt(addSums(subtractSums(seed, sumWords(part(1, 2))), sumWords(part(3, 4))));
  }

  #redirectNeighbour(): bigint {
    const length = Number(this.#read(3));
    if (this.#read(4) !== 0n || (length !== 0 && length !== NEIGHBOUR_BYTES)) {
      return BigInt(TC_ACT_SHOT);
    }
    const neighbour = length === 0 ? undefined : this.#memory.bytes(this.#read(2), length, false).slice();
    this.#redirect = { ifindex: Number(BigInt.asUintN(32, this.#read(1))), neighbour };
    return BigInt(TC_ACT_REDIRECT);
  }

  #expectContext(): void {
    if (this.#read(1) !== this.#context) {
      throw new MachineFault('r1 is not the context');
    }
  }
}

function compute(operation: number, left: bigint, right: bigint, bits: 32 | 64): bigint {
  const unsignedLeft = BigInt.asUintN(bits, left);
  const unsignedRight = BigInt.asUintN(bits, right);
  // A shift takes as many bits of its operand as it can use.
  const distance = unsignedRight & BigInt(bits - 1);
  switch (operation) {
    case ALU.add:
      return unsignedLeft + unsignedRight;
    case ALU.sub:
      return unsignedLeft - unsignedRight;
    case ALU.mul:
      return unsignedLeft * unsignedRight;
    case ALU.div:
      return unsignedRight === 0n ? 0n : unsignedLeft / unsignedRight;
    case ALU.mod:
      return unsignedRight === 0n ? unsignedLeft : unsignedLeft % unsignedRight;
    case ALU.or:
      return unsignedLeft | unsignedRight;
    case ALU.and:
      return unsignedLeft & unsignedRight;
    case ALU.xor:
      return unsignedLeft ^ unsignedRight;
    case ALU.lsh:
      return unsignedLeft << distance;
    case ALU.rsh:
      return unsignedLeft >> distance;
    case ALU.arsh:
      return BigInt.asIntN(bits, left) >> distance;
    case ALU.neg:
      return -unsignedLeft;
    case ALU.mov:
      return unsignedRight;
    default:
      throw new MachineFault(`operation 0x${operation.toString(16)} is not known here`);
  }
}

function holds(operation: number, left: bigint, right: bigint): boolean {
  const signedLeft = BigInt.asIntN(64, left);
  const signedRight = BigInt.asIntN(64, right);
  switch (operation) {
    case JUMP.eq:
      return left === right;
    case JUMP.ne:
      return left !== right;
    case JUMP.gt:
      return left > right;
    case JUMP.ge:
      return left >= right;
    case JUMP.lt:
      return left < right;
    case JUMP.le:
      return left <= right;
    case JUMP.set:
      return (left & right) !== 0n;
    case JUMP.sgt:
      return signedLeft > signedRight;
    case JUMP.sge:
      return signedLeft >= signedRight;
    case JUMP.slt:
      return signedLeft < signedRight;
    case JUMP.sle:
      return signedLeft <= signedRight;
    default:
      throw new MachineFault(`condition 0x${operation.toString(16)} is not known here`);
  }
}

function swapBytes(value: bigint, bits: number): bigint {
  let swapped = 0n;
  for (let done = 0; done < bits; done += 8) {
    swapped = (swapped << 8n) | ((value >> BigInt(done)) & 0xffn);
  }
  return swapped;
}

function sizeOf(code: number): Size {
  return (Object.keys(SIZE) as Size[]).find((size) => SIZE[size] === (code & 0x18)) ?? 'u32';
}
