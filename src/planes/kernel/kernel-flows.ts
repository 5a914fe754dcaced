/**
 * What the kernel forwards by: the map of flows, the memory in which it counts, and the program that reads them. One
 * thread opens and closes it and says that the process is alive; each thread that moves packets has a share of it.
 */
import type { Bpf } from '../../linux/bpf/bpf.ts';
import type { BpfResult } from '../../linux/bpf/refusals.ts';
import { ok } from '../../wire/result.ts';
import type { FlowCounters, FlowTable } from './flow.ts';
import { FLOW, FLOW_BYTES, KEY_BYTES } from './flow-layout.ts';
import { type FlowShare, isOpen, SharedFlowTable, stopForwarding } from './flow-table.ts';
import { CONTROLS, FLOWS, forwardingProgram, SLOTS } from './program.ts';
import { CONTROL, CONTROL_BYTES, type LeftReason, readLeft, readSlot, SLOT_BYTES } from './slot-layout.ts';

/** Of looking through the whole map while others change it. */
const MAX_ROUNDS = 16;

export class KernelFlows {
  /** Flows of all threads together. */
  readonly capacity: number;
  /** The descriptor of the program, to be attached where media arrives. */
  readonly program: number;
  readonly #bpf: Bpf;
  readonly #whole: FlowShare;
  readonly #slots: DataView;
  readonly #control: DataView;
  readonly #release: () => void;
  #released = false;

  private constructor(bpf: Bpf, whole: FlowShare, program: number, release: () => void) {
    this.#bpf = bpf;
    this.#whole = whole;
    this.capacity = whole.capacity;
    this.program = program;
    this.#release = release;
    this.#slots = bpf.viewOf(whole.slots, whole.capacity * SLOT_BYTES);
    this.#control = bpf.viewOf(whole.control, CONTROL_BYTES);
    this.#control.setBigUint64(CONTROL.open, 1n, true);
  }

  /** Creates everything and has the verifier read the program; nothing is attached yet, and `keepAlive` not called. */
  static open(bpf: Bpf, capacity: number): BpfResult<KernelFlows> {
    const undo: (() => void)[] = [];
    const release = (): void => {
      for (const step of undo.splice(0).reverse()) {
        step();
      }
    };
    const made = make(bpf, capacity, (step) => undo.push(step));
    if (!made.ok) {
      release();
      return made;
    }
    return ok(new KernelFlows(bpf, made.value.whole, made.value.program, release));
  }

  /** False once it was closed, or a flow could not be taken away. */
  get open(): boolean {
    return isOpen(this.#control);
  }

  /** Packets of all flows that were left to the sockets, by why. */
  get left(): Readonly<Record<LeftReason, number>> {
    return readLeft(this.#control);
  }

  /** So many slots from `first` on, for one thread; shares must not overlap. `SharedFlowTable` takes it. */
  share(first: number, count: number): FlowShare {
    return { ...this.#whole, first, count };
  }

  /** A table in this thread, with all slots. */
  table(): FlowTable {
    return new SharedFlowTable(this.#bpf, this.#whole);
  }

  /** What the flow that has, or had last, this slot has counted. No system call. */
  counters(slot: number): FlowCounters {
    return readSlot(this.#slots, slot);
  }

  /**
   * Removes all flows of a share, whose thread has died: from its return on their packets come to the sockets. Only
   * then may the slots be shared again.
   */
  withdraw(first: number, count: number): void {
    const { flows } = this.#whole;
    const doomed: Buffer[] = [];
    let key = this.#bpf.nextKey(flows, undefined, KEY_BYTES);
    // Behind a key that another thread removes meanwhile the kernel begins again at the first one.
    for (let looked = 0; key.ok && looked < MAX_ROUNDS * this.capacity; looked += 1) {
      const value = this.#bpf.lookUp(flows, key.value, FLOW_BYTES);
      const slot = value.ok ? value.value.readUInt32LE(FLOW.slot) : -1;
      if (slot >= first && slot < first + count) {
        doomed.push(key.value);
      }
      key = this.#bpf.nextKey(flows, key.value, KEY_BYTES);
    }
    const failed = doomed.filter((each) => {
      const done = this.#bpf.delete(flows, each);
      return !done.ok && done.error.errno !== 'ENOENT';
    });
    if (failed.length > 0 || key.ok || key.error.errno !== 'ENOENT') {
      stopForwarding(this.#control);
    }
  }

  /** The program forwards for so long from now; then it lets everything pass to the sockets. To be called every second. */
  keepAlive(forMs: number): void {
    if (this.open) {
      const until = process.hrtime.bigint() + BigInt(Math.round(forMs * 1e6));
      this.#control.setBigUint64(CONTROL.aliveUntilNs, until, true);
    }
  }

  /** Nothing is forwarded any more; views of other threads show zeros. Idempotent. */
  close(): void {
    if (!this.#released) {
      this.#released = true;
      stopForwarding(this.#control);
      this.#release();
    }
  }
}

interface Made {
  readonly whole: FlowShare;
  readonly program: number;
}

function make(bpf: Bpf, capacity: number, onUndo: (step: () => void) => void): BpfResult<Made> {
  const keep = (made: BpfResult<number>): BpfResult<number> => {
    if (made.ok) {
      onUndo(() => bpf.close(made.value));
    }
    return made;
  };
  const array = (name: string, valueBytes: number, entries: number): BpfResult<number> =>
    keep(bpf.createMap({ type: 'array', name, keyBytes: 4, valueBytes, entries, mappable: true }));
  const share = (map: number, bytes: number): BpfResult<number> => {
    const memory = bpf.mapMemory(map, bytes);
    if (!memory.ok) {
      return memory;
    }
    onUndo(memory.value.release);
    return ok(memory.value.address);
  };
  const flows = keep(
    bpf.createMap({ type: 'hash', name: 'ims_flows', keyBytes: KEY_BYTES, valueBytes: FLOW_BYTES, entries: capacity }),
  );
  if (!flows.ok) {
    return flows;
  }
  const slots = array('ims_slots', SLOT_BYTES, capacity);
  if (!slots.ok) {
    return slots;
  }
  const control = array('ims_control', CONTROL_BYTES, 1);
  if (!control.ok) {
    return control;
  }
  const maps = { [FLOWS]: flows.value, [SLOTS]: slots.value, [CONTROLS]: control.value };
  const program = keep(bpf.loadProgram(forwardingProgram(), maps));
  if (!program.ok) {
    return program;
  }
  const slotMemory = share(slots.value, capacity * SLOT_BYTES);
  if (!slotMemory.ok) {
    return slotMemory;
  }
  const controlMemory = share(control.value, CONTROL_BYTES);
  if (!controlMemory.ok) {
    return controlMemory;
  }
  const whole = {
    flows: flows.value,
    slots: slotMemory.value,
    control: controlMemory.value,
    first: 0,
    count: capacity,
    capacity,
  };
  return ok({ whole, program: program.value });
}
