/**
 * What the thread that moves a session's packets tells the control thread without a message: counters, and who the
 * parties are. One writer, one reader; written before a packet leaves, so that whoever has seen the packet finds it
 * counted. The counters themselves lie here; nothing is copied.
 *
 * ```
 *  leg 0: LEG_CELLS numbers │ JOINT_CELLS numbers │ remote │ source │ flow        leg 1: the same
 *  a flow: version │ state │ place in the kernel's table, -1: none
 *  an address: version │ family, port │ four words │ scope │ -      the version is odd while it is written
 * ```
 */
import { clearLegCells, LEG_CELLS, LegCounters } from '../../relay/media/counters.ts';
import { FLOW_STATE_NAMES, type FlowState } from '../../relay/media/flow-states.ts';
import { JOINT_CELLS, Joint, type PassedOn } from '../../relay/media/passed-on.ts';
import type { Side } from '../../relay/plane.ts';
import type { TransportAddress } from '../../wire/ip-address.ts';
import { AddressBook, encodeAddress, NO_ADDRESS } from './addresses.ts';

const ADDRESS_WORDS = 8;
const ADDRESS_BYTES = ADDRESS_WORDS * 4;
const FLOW_BYTES = 16;
const NUMBERS_BYTES = (LEG_CELLS + JOINT_CELLS) * 8;
const LEG_BYTES = NUMBERS_BYTES + 2 * ADDRESS_BYTES + FLOW_BYTES;

/** A writer needs nanoseconds; one that died half way never ends. */
const MAX_LOOKS = 1000;

export class SharedLeg {
  readonly counters: LegCounters;
  readonly remote: SharedAddress;
  readonly source: SharedAddress;
  readonly flow: SharedFlow;

  constructor(memory: SharedArrayBuffer, side: Side) {
    const at = side * LEG_BYTES;
    this.counters = new LegCounters(new Float64Array(memory, at, LEG_CELLS));
    this.remote = new SharedAddress(memory, at + NUMBERS_BYTES);
    this.source = new SharedAddress(memory, at + NUMBERS_BYTES + ADDRESS_BYTES);
    this.flow = new SharedFlow(memory, at);
  }
}

/** Of a session that has seen nothing yet. */
export function newSharedSession(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(2 * LEG_BYTES);
  for (const side of [0, 1] as const) {
    clearLegCells(new Float64Array(memory, side * LEG_BYTES, LEG_CELLS));
    new SharedLeg(memory, side).flow.set('unknown-source', NO_PLACE);
  }
  return memory;
}

/** Not in the kernel's table. */
export const NO_PLACE = -1;

/** What the kernel passes on of a leg, and how much of that is in the leg's counters already. */
export class SharedFlow {
  readonly #words: Int32Array;
  readonly #counters: Float64Array;
  readonly #joint: Float64Array;

  constructor(memory: SharedArrayBuffer, at: number) {
    this.#words = new Int32Array(memory, at + NUMBERS_BYTES + 2 * ADDRESS_BYTES, FLOW_BYTES / 4);
    this.#counters = new Float64Array(memory, at, LEG_CELLS);
    this.#joint = new Float64Array(memory, at + LEG_CELLS * 8, JOINT_CELLS);
  }

  get state(): FlowState {
    return FLOW_STATE_NAMES[this.#words[1] ?? 0] ?? 'unknown-source';
  }

  get place(): number {
    return Atomics.load(this.#words, 2);
  }

  /** The writer's own. */
  get joint(): Joint {
    return new Joint(this.#joint);
  }

  set(state: FlowState, place: number): void {
    this.#words[1] = FLOW_STATE_NAMES.indexOf(state);
    Atomics.store(this.#words, 2, place);
  }

  /** The writer's: counters, joint and place change together. */
  change(act: () => void): void {
    Atomics.store(this.#words, 0, Atomics.load(this.#words, 0) | 1);
    try {
      act();
    } finally {
      Atomics.add(this.#words, 0, 1);
    }
  }

  /**
   * The reader's: the leg's counters with what the kernel has passed on since they were joined last.
   *
   * @param passedOn what the kernel has counted at a place
   */
  read(passedOn: (place: number) => PassedOn | undefined): LegCounters {
    const [cells, joined] = [new Float64Array(LEG_CELLS), new Float64Array(JOINT_CELLS)];
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const version = Atomics.load(this.#words, 0);
      const place = this.place;
      cells.set(this.#counters);
      joined.set(this.#joint);
      const stretch = place === NO_PLACE ? undefined : passedOn(place);
      if (version % 2 === 0 && Atomics.load(this.#words, 0) === version) {
        const counters = new LegCounters(cells);
        if (stretch !== undefined) {
          counters.join(stretch, new Joint(joined));
        }
        return counters;
      }
    }
    return new LegCounters(cells);
  }

  /** The reader's: packets that the kernel has passed on since they were joined last. */
  pending(passedOn: (place: number) => PassedOn | undefined): number {
    const place = this.place;
    const stretch = place === NO_PLACE ? undefined : passedOn(place);
    return stretch === undefined ? 0 : Math.max(0, stretch.packets - new Joint(this.#joint).packets);
  }
}

export class SharedAddress {
  readonly #words: Int32Array;
  readonly #address: Int32Array;
  /** What was written or read last. */
  #known: TransportAddress | undefined;
  #version = 0;

  constructor(memory: SharedArrayBuffer, at: number) {
    this.#words = new Int32Array(memory, at, ADDRESS_WORDS);
    this.#address = new Int32Array(memory, at + 4, ADDRESS_WORDS - 1);
  }

  /** Costs a comparison when it is the same object as the last time. */
  write(address: TransportAddress | undefined): void {
    if (address === this.#known) {
      return;
    }
    this.#known = address;
    // A writer that died half way has left an odd version.
    this.#version = Atomics.load(this.#words, 0) | 1;
    Atomics.store(this.#words, 0, this.#version);
    if (address === undefined || encodeAddress(address, this.#address) === 0) {
      this.#address[0] = NO_ADDRESS;
    }
    this.#version += 1;
    Atomics.store(this.#words, 0, this.#version);
  }

  read(): TransportAddress | undefined {
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const version = Atomics.load(this.#words, 0);
      if (version === this.#version) {
        break;
      }
      const copy = this.#address.slice();
      if (version % 2 === 0 && Atomics.load(this.#words, 0) === version) {
        this.#version = version;
        this.#known = BOOK.address(copy);
        break;
      }
    }
    return this.#known;
  }
}

const BOOK = new AddressBook();
