/** The flows of one thread, in maps that all threads share: the kernel forwards whatever any of them installs. */
import type { Bpf } from '../../linux/bpf/bpf.ts';
import { type BpfRefusal, refusalText } from '../../linux/bpf/refusals.ts';
import type { Flow, FlowCounters, FlowHandle, FlowKey, FlowTable, InstallOutcome } from './flow.ts';
import { encodeFlow, encodeKey } from './flow-layout.ts';
import { CONTROL, CONTROL_BYTES, readSlot, SLOT, SLOT_BYTES } from './slot-layout.ts';

/** What a thread is told of the maps: numbers only, so that it can be sent. Descriptors and addresses are the process's. */
export interface FlowShare {
  readonly flows: number;
  readonly slots: number;
  readonly control: number;
  /** Slots of this thread, and of all. */
  readonly first: number;
  readonly count: number;
  readonly capacity: number;
}

interface Entry {
  readonly key: FlowKey;
  readonly bytes: Buffer;
  readonly handle: FlowHandle;
  ssrc: number;
}

export class SharedFlowTable implements FlowTable {
  readonly capacity: number;
  readonly #bpf: Bpf;
  readonly #flows: number;
  readonly #slots: DataView;
  readonly #control: DataView;
  readonly #entries = new Map<string, Entry>();
  /** First in, first out: a slot rests as long as it can, so that no packet under way counts in another flow's. */
  readonly #free: number[];

  constructor(bpf: Bpf, share: FlowShare) {
    this.#bpf = bpf;
    this.capacity = share.count;
    this.#flows = share.flows;
    this.#slots = bpf.viewOf(share.slots, share.capacity * SLOT_BYTES);
    this.#control = bpf.viewOf(share.control, CONTROL_BYTES);
    this.#free = Array.from({ length: share.count }, (_, index) => share.first + index);
  }

  get size(): number {
    return this.#entries.size;
  }

  get open(): boolean {
    return isOpen(this.#control);
  }

  install(key: FlowKey, flow: Flow): InstallOutcome {
    if (!this.open) {
      return { kind: 'refused', reason: 'closed', cause: 'the table is closed' };
    }
    const bytes = encodeKey(key);
    if (bytes === undefined) {
      return { kind: 'refused', reason: 'unsuited', cause: 'the key has no addresses and ports of its family' };
    }
    const name = bytes.toString('latin1');
    const known = this.#entries.get(name);
    const slot = known?.handle.slot ?? this.#free.shift();
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
      if (flow.keepOrder) {
        this.#slots.setUint32(slot * SLOT_BYTES + SLOT.left, 1, true);
      }
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
    const entry = known ?? { key, bytes, handle: this.#handle(key, slot), ssrc: flow.ssrc };
    entry.ssrc = flow.ssrc;
    this.#entries.set(name, entry);
    return { kind: 'installed', handle: entry.handle };
  }

  remove(key: FlowKey): FlowCounters | undefined {
    const name = encodeKey(key)?.toString('latin1') ?? '';
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      return undefined;
    }
    this.#forget(name, entry.bytes, entry.handle.slot);
    return entry.handle.counters();
  }

  counters(key: FlowKey): FlowCounters | undefined {
    return this.#entries.get(encodeKey(key)?.toString('latin1') ?? '')?.handle.counters();
  }

  clear(): void {
    for (const [name, { bytes, handle }] of [...this.#entries]) {
      this.#forget(name, bytes, handle.slot);
    }
  }

  #handle(key: FlowKey, slot: number): FlowHandle {
    const left = slot * SLOT_BYTES + SLOT.left;
    const settled = slot * SLOT_BYTES + SLOT.settled;
    const slots = this.#slots;
    return {
      key,
      slot,
      get left() {
        return slots.getUint32(left, true);
      },
      counters: () => readSlot(slots, slot),
      settle: () => {
        const count = slots.getUint32(settled, true);
        // Packets from before the flow, and reassembled ones, were never counted as left.
        if (count !== slots.getUint32(left, true)) {
          slots.setUint32(settled, count + 1, true);
        }
      },
      settleAll: (upTo = slots.getUint32(left, true)) => slots.setUint32(settled, upTo, true),
    };
  }

  /** A flow that cannot be taken away (rights that were dropped too early) ends all forwarding: none goes astray. */
  #delete(key: Buffer): void {
    if (this.open) {
      const done = this.#bpf.delete(this.#flows, key);
      if (!done.ok && done.error.errno !== 'ENOENT') {
        stopForwarding(this.#control);
      }
    }
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

/** A control memory that was released shows zeros, so 1 is open. */
export function isOpen(control: DataView): boolean {
  return control.getBigUint64(CONTROL.open, true) === 1n;
}

/** For good, in all threads. */
export function stopForwarding(control: DataView): void {
  control.setBigUint64(CONTROL.open, 0n, true);
  control.setBigUint64(CONTROL.aliveUntilNs, 0n, true);
}

function refused(error: BpfRefusal): InstallOutcome {
  return { kind: 'refused', reason: error.errno === 'E2BIG' ? 'full' : 'other', cause: refusalText(error) };
}
