/** The kernel's program on one frame: in the interpreter, and in the kernel itself by BPF_PROG_TEST_RUN. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Bpf } from '../../src/linux/bpf/bpf.ts';
import { SKB, TC_ACT_NEXT, TC_ACT_REDIRECT } from '../../src/linux/bpf/helpers.ts';
import { InterpretedArray, InterpretedHash } from '../../src/linux/bpf/interpreted-map.ts';
import { interpret, type Redirect } from '../../src/linux/bpf/interpreter.ts';
import { type PacketFacts, SocketBuffer } from '../../src/linux/bpf/socket-buffer.ts';
import type { Flow, FlowCounters, FlowKey, FlowTable } from '../../src/planes/kernel/flow.ts';
import { encodeFlow, encodeKey, FLOW_BYTES, KEY_BYTES } from '../../src/planes/kernel/flow-layout.ts';
import { KernelFlows } from '../../src/planes/kernel/kernel-flows.ts';
import { CONTROLS, FLOWS, forwardingProgram, SLOTS } from '../../src/planes/kernel/program.ts';
import {
  CONTROL,
  CONTROL_BYTES,
  type LeftReason,
  readLeft,
  readSlot,
  SLOT,
  SLOT_BYTES,
} from '../../src/planes/kernel/slot-layout.ts';

export interface Passage {
  readonly verdict: 'stack' | 'sent' | 'dropped';
  readonly frame: Buffer;
  readonly mark: number;
  /** Only the interpreter tells. */
  readonly redirect?: Redirect | undefined;
}

/** A fresh table for each test. */
export interface ProgramRunner {
  install(key: FlowKey, flow: Flow): void;
  keepAlive(forMs: number): void;
  run(frame: Uint8Array, facts?: PacketFacts): Passage;
  counters(key: FlowKey): FlowCounters;
  settle(key: FlowKey): void;
  readonly left: Readonly<Record<LeftReason, number>>;
}

/** With a clock of its own, in milliseconds. */
export class InterpreterRunner implements ProgramRunner {
  now = 1000;
  readonly #program = forwardingProgram();
  readonly #flows = new InterpretedHash(KEY_BYTES, FLOW_BYTES);
  readonly #slots = new InterpretedArray(16, SLOT_BYTES);
  readonly #control = new InterpretedArray(1, CONTROL_BYTES);
  readonly #slotOf = new Map<string, number>();

  constructor() {
    this.keepAlive(1e9);
  }

  install(key: FlowKey, flow: Flow): void {
    const bytes = encodeKey(key);
    assert.ok(bytes);
    const name = bytes.toString('hex');
    const slot = this.#slotOf.get(name) ?? this.#slotOf.size;
    const value = encodeFlow(key, flow, slot);
    assert.ok(typeof value !== 'string', String(value));
    this.#slotOf.set(name, slot);
    this.#flows.update(bytes, value);
  }

  keepAlive(forMs: number): void {
    view(this.#control).setBigUint64(CONTROL.aliveUntilNs, BigInt((this.now + forMs) * 1e6), true);
  }

  run(frame: Uint8Array, facts: PacketFacts = {}): Passage {
    const packet = new SocketBuffer(frame, facts);
    const maps = { [FLOWS]: this.#flows, [SLOTS]: this.#slots, [CONTROLS]: this.#control };
    const result = interpret(this.#program, packet, { maps, nowNs: BigInt(Math.round(this.now * 1e6)) });
    if (packet.checksum === 'complete') {
      assert.ok(packet.sumHolds, 'what the hardware has summed up is kept in step');
    }
    return {
      verdict: verdictOf(result.returned),
      frame: Buffer.from(packet.bytes),
      mark: packet.mark,
      redirect: result.redirect,
    };
  }

  counters(key: FlowKey): FlowCounters {
    return readSlot(view(this.#slots), this.#slot(key));
  }

  settle(key: FlowKey): void {
    const at = this.#slot(key) * SLOT_BYTES + SLOT.settled;
    const slots = view(this.#slots);
    slots.setUint32(at, slots.getUint32(at, true) + 1, true);
  }

  get left(): Readonly<Record<LeftReason, number>> {
    return readLeft(view(this.#control));
  }

  #slot(key: FlowKey): number {
    const slot = this.#slotOf.get(encodeKey(key)?.toString('hex') ?? '');
    assert.ok(slot !== undefined);
    return slot;
  }
}

export class KernelRunner implements ProgramRunner {
  readonly #bpf: Bpf;
  readonly #kernel: KernelFlows;
  readonly #table: FlowTable;
  readonly #handles = new Map<string, { settle(): void }>();

  constructor(t: TestContext) {
    const bpf = Bpf.load();
    assert.ok(typeof bpf !== 'string', String(bpf));
    const opened = KernelFlows.open(bpf, 16);
    assert.ok(opened.ok, JSON.stringify(opened));
    t.after(() => opened.value.close());
    this.#bpf = bpf;
    this.#kernel = opened.value;
    this.#table = opened.value.table();
    this.keepAlive(3_600_000);
  }

  install(key: FlowKey, flow: Flow): void {
    const outcome = this.#table.install(key, flow);
    assert.ok(outcome.kind === 'installed', JSON.stringify(outcome));
    // No packet of the key is waiting in a socket.
    outcome.handle.settleAll();
    this.#handles.set(JSON.stringify(key), outcome.handle);
  }

  keepAlive(forMs: number): void {
    this.#kernel.keepAlive(forMs);
  }

  run(frame: Uint8Array, facts: PacketFacts = {}): Passage {
    const context = Buffer.alloc(192);
    context.writeUInt32LE(facts.gsoSize ?? 0, SKB.gso_size);
    const checksumComplete = facts.checksum === 'complete';
    const done = this.#bpf.testRun(this.#kernel.program, frame, { context, checksumComplete });
    assert.ok(done.ok, JSON.stringify(done));
    const { returned, packet, context: after } = done.value;
    return { verdict: verdictOf(returned), frame: packet, mark: after.readUInt32LE(SKB.mark) };
  }

  counters(key: FlowKey): FlowCounters {
    const counters = this.#table.counters(key);
    assert.ok(counters);
    return counters;
  }

  settle(key: FlowKey): void {
    this.#handles.get(JSON.stringify(key))?.settle();
  }

  get left(): Readonly<Record<LeftReason, number>> {
    return this.#kernel.left;
  }
}

function view(map: InterpretedArray): DataView {
  return new DataView(map.memory.buffer, map.memory.byteOffset);
}

function verdictOf(returned: number): Passage['verdict'] {
  switch (returned) {
    case TC_ACT_NEXT:
      return 'stack';
    case TC_ACT_REDIRECT:
      return 'sent';
    default:
      return 'dropped';
  }
}
