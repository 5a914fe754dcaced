/**
 * bpf(2): maps, programs and links by their descriptors. What the kernel refuses is a value, never thrown. All that a
 * call reads or writes lies in one block of memory:
 *
 * ```
 *  attributes 160 │ key 64 │ value 512 │ batches, programs and packets: blocks of their own
 * ```
 *
 * Descriptors are closed on exec by themselves; a map or link lives as long as one is open.
 */
import { err, ok } from '../../wire/result.ts';
import { encodeProgram, type Program } from './instructions.ts';
import { type BpfOperation, type BpfResult, refusal } from './refusals.ts';
import { type BpfCalls, loadBpfCalls } from './system-calls.ts';

export const MAP_TYPE = { hash: 1, array: 2 } as const;

export interface MapRequest {
  readonly type: keyof typeof MAP_TYPE;
  /** What the kernel shows of it, at most 15 letters, digits and `_`. */
  readonly name: string;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly entries: number;
  /** The values can be read and written as memory (arrays, from Linux 5.5 on). */
  readonly mappable?: boolean;
}

export interface TestRun {
  /** 32 bits, signed. */
  readonly returned: number;
  readonly packet: Buffer;
  /** struct __sk_buff as the program has left it; of it only a few fields come back. */
  readonly context: Buffer;
  /** Mean time of one run. */
  readonly durationNs: number;
}

export interface TestRunOptions {
  /** struct __sk_buff as the program finds it: mark, cb, gso_size, ifindex may be set, all else is 0. */
  readonly context?: Uint8Array;
  readonly repeat?: number;
  /** As if hardware had summed the packet up; the kernel checks the sum afterwards (from Linux 6.16 on). */
  readonly checksumComplete?: boolean;
}

const COMMAND = {
  createMap: 0,
  lookUp: 1,
  update: 2,
  delete: 3,
  nextKey: 4,
  loadProgram: 5,
  testRun: 10,
  updateBatch: 26,
  createLink: 28,
} as const;

const F_MMAPABLE = 1024;
const PROGRAM_SCHED_CLS = 3;
const TCX_INGRESS = 46;
const TEST_CHECKSUM_COMPLETE = 4;

const ATTRIBUTES_BYTES = 160;
const KEY = ATTRIBUTES_BYTES;
const MAX_KEY_BYTES = 64;
const VALUE = KEY + MAX_KEY_BYTES;
const MAX_VALUE_BYTES = 512;
const LOG_BYTES = 1 << 20;
/** Of the verifier's log, which can be long; its end says why. */
const LOG_TAIL_CHARS = 4000;
const CONTEXT_BYTES = 192;
/** Headroom and tail that a test packet leaves of a page. */
const MAX_TEST_PACKET_BYTES = 3500;

const EPERM = 1;
const ENOMEM = 12;

const LICENCE = Buffer.from('Dual MIT/GPL\0');

/** Memory that the kernel and this process share; `viewOf` shows it. */
export interface SharedMemory {
  /** Where it is: the same for every thread of this process. */
  readonly address: number;
  /** From then on views show zeros. Idempotent. */
  release(): void;
}

export class Bpf {
  readonly #calls: BpfCalls;
  readonly #memory = new Uint8Array(new ArrayBuffer(VALUE + MAX_VALUE_BYTES));
  readonly #view = new DataView(this.#memory.buffer);
  readonly #base: number;
  /** What the attributes point to must not be collected before the call. */
  readonly #kept: Uint8Array[] = [];

  private constructor(calls: BpfCalls) {
    this.#calls = calls;
    this.#base = calls.addressOf(this.#memory);
  }

  /** A text says why there is none on this system. */
  static load(): Bpf | string {
    const calls = loadBpfCalls();
    return typeof calls === 'string' ? calls : new Bpf(calls);
  }

  /** The map's descriptor. */
  createMap(request: MapRequest): BpfResult<number> {
    const create = (): number => {
      const view = this.#clear();
      view.setUint32(0, MAP_TYPE[request.type], true);
      view.setUint32(4, request.keyBytes, true);
      view.setUint32(8, request.valueBytes, true);
      view.setUint32(12, request.entries, true);
      view.setUint32(16, request.mappable === true ? F_MMAPABLE : 0, true);
      this.#writeName(28, request.name);
      return this.#calls.bpf(COMMAND.createMap, this.#base, 48);
    };
    let fd = create();
    if (fd < 0 && [EPERM, ENOMEM].includes(this.#calls.errno())) {
      this.#calls.liftMemlock();
      fd = create();
    }
    return this.#outcome('create map', fd);
  }

  /** Replaces what is there. One call of a few microseconds. */
  update(map: number, key: Uint8Array, value: Uint8Array): BpfResult<number> {
    this.#memory.set(value, VALUE);
    this.#element(map, key).setBigUint64(16, BigInt(this.#base + VALUE), true);
    return this.#outcome('update', this.#calls.bpf(COMMAND.update, this.#base, 32));
  }

  delete(map: number, key: Uint8Array): BpfResult<number> {
    this.#element(map, key);
    return this.#outcome('delete', this.#calls.bpf(COMMAND.delete, this.#base, 32));
  }

  lookUp(map: number, key: Uint8Array, valueBytes: number): BpfResult<Buffer> {
    this.#element(map, key).setBigUint64(16, BigInt(this.#base + VALUE), true);
    const done = this.#calls.bpf(COMMAND.lookUp, this.#base, 32);
    return done < 0
      ? err(refusal('look up', this.#calls.errno()))
      : ok(Buffer.from(this.#memory.subarray(VALUE, VALUE + valueBytes)));
  }

  /** The key behind this one, in an order of the kernel's own; undefined: the first. ENOENT: there is none. */
  nextKey(map: number, key: Uint8Array | undefined, keyBytes: number): BpfResult<Buffer> {
    const view = this.#element(map, key ?? new Uint8Array(0));
    if (key === undefined) {
      view.setBigUint64(8, 0n, true);
    }
    view.setBigUint64(16, BigInt(this.#base + VALUE), true);
    const done = this.#calls.bpf(COMMAND.nextKey, this.#base, 32);
    return done < 0
      ? err(refusal('look up', this.#calls.errno()))
      : ok(Buffer.from(this.#memory.subarray(VALUE, VALUE + keyBytes)));
  }

  /**
   * As many elements as there are in `keys` and `values`, one behind the other, in one call (from Linux 5.6 on). How
   * many are in the map when it has stopped.
   */
  updateBatch(map: number, keys: Uint8Array, values: Uint8Array, count: number): BpfResult<number> {
    const view = this.#clear();
    this.#pointer(16, keys);
    this.#pointer(24, values);
    view.setUint32(32, count, true);
    view.setUint32(36, map, true);
    const done = this.#calls.bpf(COMMAND.updateBatch, this.#base, 56);
    return done < 0 ? err(refusal('update', this.#calls.errno())) : ok(view.getUint32(32, true));
  }

  /** The values of a mappable array. */
  mapMemory(map: number, bytes: number): BpfResult<SharedMemory> {
    // The kernel rounds up to its pages, here and below.
    const address = this.#calls.mapShared(map, bytes);
    if (address === -1) {
      return err(refusal('map memory', this.#calls.errno()));
    }
    let open = true;
    return ok({
      address,
      release: () => {
        if (open) {
          open = false;
          this.#calls.replaceByZeros(address, bytes);
        }
      },
    });
  }

  /** A program of the tc hook: its descriptor, or what the verifier says against it. */
  loadProgram(program: Program, maps: Readonly<Record<string, number>>): BpfResult<number> {
    const code = encodeProgram(program, maps);
    const load = (log: Uint8Array | undefined): number => {
      const view = this.#clear();
      view.setUint32(0, PROGRAM_SCHED_CLS, true);
      view.setUint32(4, code.length / 8, true);
      this.#pointer(8, code);
      this.#pointer(16, LICENCE);
      if (log !== undefined) {
        view.setUint32(24, 1, true);
        view.setUint32(28, log.length, true);
        this.#pointer(32, log);
      }
      this.#writeName(48, program.name);
      return this.#calls.bpf(COMMAND.loadProgram, this.#base, 72);
    };
    const fd = load(undefined);
    if (fd >= 0) {
      return ok(fd);
    }
    const errno = this.#calls.errno();
    const log = Buffer.alloc(LOG_BYTES);
    const second = load(log);
    if (second >= 0) {
      return ok(second);
    }
    const text = log.toString('latin1', 0, Math.max(0, log.indexOf(0))).trim();
    return err(refusal('load program', errno, text === '' ? undefined : text.slice(-LOG_TAIL_CHARS)));
  }

  /** BPF_PROG_TEST_RUN: what the program makes of this frame; nothing is sent. */
  testRun(program: number, frame: Uint8Array, options: TestRunOptions = {}): BpfResult<TestRun> {
    const input = Uint8Array.from(frame);
    const packet = Buffer.alloc(MAX_TEST_PACKET_BYTES);
    const context = Buffer.alloc(CONTEXT_BYTES);
    const given = Uint8Array.from(options.context ?? new Uint8Array(CONTEXT_BYTES));
    const view = this.#clear();
    view.setUint32(0, program, true);
    view.setUint32(8, input.length, true);
    view.setUint32(12, packet.length, true);
    this.#pointer(16, input);
    this.#pointer(24, packet);
    view.setUint32(32, options.repeat ?? 1, true);
    view.setUint32(40, given.length, true);
    view.setUint32(44, context.length, true);
    this.#pointer(48, given);
    this.#pointer(56, context);
    view.setUint32(64, options.checksumComplete === true ? TEST_CHECKSUM_COMPLETE : 0, true);
    if (this.#calls.bpf(COMMAND.testRun, this.#base, 80) < 0) {
      return err(refusal('run program', this.#calls.errno()));
    }
    return ok({
      returned: view.getInt32(4, true),
      packet: packet.subarray(0, view.getUint32(12, true)),
      context,
      durationNs: view.getUint32(36, true),
    });
  }

  /** Memory of `mapMemory`, in whatever thread. */
  viewOf(address: number, bytes: number): DataView {
    return new DataView(this.#calls.view(address, bytes));
  }

  /** A tcx link (from Linux 6.6 on): the program runs on what arrives there until the descriptor is closed. */
  attachIngress(program: number, ifindex: number): BpfResult<number> {
    const view = this.#clear();
    view.setUint32(0, program, true);
    view.setUint32(4, ifindex, true);
    view.setUint32(8, TCX_INGRESS, true);
    return this.#outcome('attach program', this.#calls.bpf(COMMAND.createLink, this.#base, 32));
  }

  close(fd: number): void {
    this.#calls.close(fd);
  }

  #clear(): DataView {
    this.#kept.length = 0;
    this.#memory.fill(0, 0, ATTRIBUTES_BYTES);
    return this.#view;
  }

  /** What a command does not know must be 0: the value is added where there is one. */
  #element(map: number, key: Uint8Array): DataView {
    const view = this.#clear();
    this.#memory.set(key, KEY);
    view.setUint32(0, map, true);
    view.setBigUint64(8, BigInt(this.#base + KEY), true);
    return view;
  }

  #pointer(at: number, memory: Uint8Array): void {
    this.#kept.push(memory);
    this.#view.setBigUint64(at, BigInt(this.#calls.addressOf(memory)), true);
  }

  #writeName(at: number, name: string): void {
    this.#memory.set(Buffer.from(name.slice(0, 15), 'latin1'), at);
  }

  #outcome(operation: BpfOperation, done: number): BpfResult<number> {
    return done < 0 ? err(refusal(operation, this.#calls.errno())) : ok(done);
  }
}
