/** The flow table of the kernel: two maps, the program that reads them, and the memory in which it counts. */
import type { Bpf, SharedMemory } from '../../linux/bpf/bpf.ts';
import { type BpfRefusal, type BpfResult, refusalText } from '../../linux/bpf/refusals.ts';
import { ok } from '../../wire/result.ts';
import type { Flow, FlowCounters, FlowHandle, FlowKey, FlowTable, InstallOutcome } from './flow.ts';
import { encodeFlow, encodeKey, FLOW_BYTES, KEY_BYTES } from './flow-layout.ts';
import { CONTROLS, FLOWS, forwardingProgram, SLOTS } from './program.ts';
import { CONTROL, CONTROL_BYTES, type LeftReason, readLeft, readSlot, SLOT, SLOT_BYTES } from './slot-layout.ts';

interface Entry {
  readonly key: FlowKey;
  readonly bytes: Buffer;
  readonly slot: number;
  readonly handle: FlowHandle;
  ssrc: number;
}

/** What `open` has opened, in the order in which it is closed. */
interface Opened {
  readonly descriptors: number[];
  readonly memories: SharedMemory[];
}

export class KernelFlows implements FlowTable {
  readonly capacity: number;
  /** The descriptor of the program, to be attached where media arrives. */
  readonly program: number;
  readonly #bpf: Bpf;
  readonly #flows: number;
  readonly #slots: DataView;
  readonly #control: DataView;
  readonly #opened: Opened;
  readonly #entries = new Map<string, Entry>();
  /** First in, first out: a slot rests as long as it can, so that no packet under way counts in another flow's. */
  readonly #free: number[] = [];
  #used = 0;
  /** Whether it takes flows and forwards. */
  #open = true;
  #released = false;

  private constructor(
    bpf: Bpf,
    opened: Opened,
    parts: Readonly<{ capacity: number; flows: number; program: number; slots: DataView; control: DataView }>,
  ) {
    this.#bpf = bpf;
    this.#opened = opened;
    this.capacity = parts.capacity;
    this.program = parts.program;
    this.#flows = parts.flows;
    this.#slots = parts.slots;
    this.#control = parts.control;
  }

  /** Creates everything and has the verifier read the program; nothing is attached yet, and `keepAlive` not called. */
  static open(bpf: Bpf, capacity: number): BpfResult<KernelFlows> {
    const opened: Opened = { descriptors: [], memories: [] };
    const found = KernelFlows.#make(bpf, capacity, opened);
    if (!found.ok) {
      release(bpf, opened);
    }
    return found;
  }

  static #make(bpf: Bpf, capacity: number, opened: Opened): BpfResult<KernelFlows> {
    const keep = (made: BpfResult<number>): BpfResult<number> => {
      if (made.ok) {
        opened.descriptors.push(made.value);
      }
      return made;
    };
    const share = (map: number, bytes: number): BpfResult<DataView> => {
      const memory = bpf.mapMemory(map, bytes);
      if (memory.ok) {
        opened.memories.push(memory.value);
      }
      return memory.ok ? ok(memory.value.view) : memory;
    };
    const flows = keep(
      bpf.createMap({
        type: 'hash',
        name: 'ims_flows',
        keyBytes: KEY_BYTES,
        valueBytes: FLOW_BYTES,
        entries: capacity,
      }),
    );
    if (!flows.ok) {
      return flows;
    }
    const array = (name: string, valueBytes: number, entries: number): BpfResult<number> =>
      keep(bpf.createMap({ type: 'array', name, keyBytes: 4, valueBytes, entries, mappable: true }));
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
    const parts = {
      capacity,
      flows: flows.value,
      program: program.value,
      slots: slotMemory.value,
      control: controlMemory.value,
    };
    return ok(new KernelFlows(bpf, opened, parts));
  }

  get open(): boolean {
    return this.#open;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Packets of all flows that were left to the sockets, by why. */
  get left(): Readonly<Record<LeftReason, number>> {
    return readLeft(this.#control);
  }

  install(key: FlowKey, flow: Flow): InstallOutcome {
    if (!this.#open) {
      return { kind: 'refused', reason: 'closed', cause: 'the table is closed' };
    }
    const bytes = encodeKey(key);
    if (bytes === undefined) {
      return { kind: 'refused', reason: 'unsuited', cause: 'the key has no addresses and ports of its family' };
    }
    const name = bytes.toString('latin1');
    const known = this.#entries.get(name);
    const slot = known?.slot ?? this.#takeSlot();
    if (slot === undefined) {
      return { kind: 'refused', reason: 'full', cause: `all ${this.capacity} places are taken` };
    }
    const value = encodeFlow(key, flow, slot);
    if (typeof value === 'string') {
      this.#forget(name, bytes, slot);
      return { kind: 'refused', reason: 'unsuited', cause: value };
    }
    if (known === undefined) {
      this.#clearSlot(slot);
    } else if (known.ssrc !== flow.ssrc) {
      // Its sequence numbers have nothing to do with those before; meanwhile its packets go to the socket.
      this.#delete(bytes);
      this.#endRun(slot);
    }
    const done = this.#bpf.update(this.#flows, bytes, value);
    if (!done.ok) {
      this.#forget(name, bytes, slot);
      return refused(done.error);
    }
    const entry = known ?? { key, bytes, slot, handle: this.#handle(key, slot), ssrc: flow.ssrc };
    entry.ssrc = flow.ssrc;
    this.#entries.set(name, entry);
    return { kind: 'installed', handle: entry.handle };
  }

  remove(key: FlowKey): FlowCounters | undefined {
    const name = encodeKey(key)?.toString('latin1') ?? '';
    const entry = this.#entries.get(name);
    if (entry === undefined || !this.#open) {
      return undefined;
    }
    this.#forget(name, entry.bytes, entry.slot);
    return readSlot(this.#slots, entry.slot);
  }

  counters(key: FlowKey): FlowCounters | undefined {
    const entry = this.#entries.get(encodeKey(key)?.toString('latin1') ?? '');
    return entry === undefined ? undefined : readSlot(this.#slots, entry.slot);
  }

  keepAlive(forMs: number): void {
    if (!this.#open) {
      this.#control.setBigUint64(CONTROL.aliveUntilNs, 0n, true);
      return;
    }
    const until = process.hrtime.bigint() + BigInt(Math.round(forMs * 1e6));
    this.#control.setBigUint64(CONTROL.aliveUntilNs, until, true);
  }

  close(): void {
    this.#open = false;
    this.keepAlive(0);
    this.#entries.clear();
    if (!this.#released) {
      this.#released = true;
      release(this.#bpf, this.#opened);
    }
  }

  #handle(key: FlowKey, slot: number): FlowHandle {
    const left = slot * SLOT_BYTES + SLOT.left;
    const settled = slot * SLOT_BYTES + SLOT.settled;
    const slots = this.#slots;
    return {
      key,
      counters: () => readSlot(slots, slot),
      settle: () => {
        const count = slots.getUint32(settled, true);
        // Packets from before the flow, and reassembled ones, were never counted as left.
        if (count !== slots.getUint32(left, true)) {
          slots.setUint32(settled, count + 1, true);
        }
      },
      settleAll: () => slots.setUint32(settled, slots.getUint32(left, true), true),
    };
  }

  /** A flow that cannot be taken away (rights that were dropped too early) ends all forwarding: none goes astray. */
  #delete(key: Buffer): void {
    const done = this.#bpf.delete(this.#flows, key);
    if (!done.ok && done.error.errno !== 'ENOENT') {
      this.#open = false;
      this.keepAlive(0);
    }
  }

  #takeSlot(): number | undefined {
    if (this.#used < this.capacity) {
      this.#used += 1;
      return this.#used - 1;
    }
    return this.#free.shift();
  }

  /** Also of a flow that was to be replaced and could not be: the old one must not go on. */
  #forget(name: string, key: Buffer, slot: number): void {
    if (this.#entries.delete(name)) {
      this.#delete(key);
    }
    this.#free.push(slot);
  }

  #clearSlot(slot: number): void {
    for (let at = 0; at < SLOT_BYTES; at += 8) {
      this.#slots.setBigUint64(slot * SLOT_BYTES + at, 0n, true);
    }
  }

  #endRun(slot: number): void {
    const base = slot * SLOT_BYTES;
    const { sent } = readSlot(this.#slots, slot);
    this.#slots.setBigUint64(base + SLOT.sentInClosedRuns, BigInt(sent), true);
    for (const at of [SLOT.highest, SLOT.lowest, SLOT.jitter]) {
      this.#slots.setUint32(base + at, 0, true);
    }
    this.#slots.setBigUint64(base + SLOT.lastArrivalNs, 0n, true);
  }
}

function refused(error: BpfRefusal): InstallOutcome {
  return { kind: 'refused', reason: error.errno === 'E2BIG' ? 'full' : 'other', cause: refusalText(error) };
}

function release(bpf: Bpf, { descriptors, memories }: Opened): void {
  for (const memory of memories) {
    memory.release();
  }
  for (const descriptor of descriptors.reverse()) {
    bpf.close(descriptor);
  }
}
