/**
 * What the thread that moves a session's packets tells the control thread without a message: counters, and who the
 * parties are. One writer, one reader; written before a packet leaves, so that whoever has seen the packet finds it
 * counted. The counters themselves lie here; nothing is copied. Many sessions share one piece of memory, a slab: views
 * of memory cost more than what a session has to say.
 *
 * ```
 *  a slab: leg 0, leg 1 of a session │ leg 0, leg 1 of the next │ …
 *  a leg:  LEG_CELLS numbers │ JOINT_CELLS numbers │ remote │ source │ flow │ sequence numbers seen
 *  a flow: version │ state │ place in the kernel's table, -1: none
 *  an address: version │ family, port │ four words │ scope │ -      the version is odd while it is written
 * ```
 */
import { clearLegCells, LEG_CELLS, LegCounters } from '../../relay/media/counters.ts';
import { FLOW_STATE_NAMES, type FlowState } from '../../relay/media/flow-states.ts';
import { JOINT_CELLS, Joint, type PassedOn } from '../../relay/media/passed-on.ts';
import { SEEN_WORDS, SeenNumbers } from '../../relay/media/seen-numbers.ts';
import type { Side } from '../../relay/plane.ts';
import type { TransportAddress } from '../../wire/ip-address.ts';
import { AddressBook, encodeAddress, NO_ADDRESS } from './addresses.ts';

const ADDRESS_WORDS = 8;
const FLOW_WORDS = 4;
/** Offsets in words of four bytes. */
const REMOTE = (LEG_CELLS + JOINT_CELLS) * 2;
const SOURCE = REMOTE + ADDRESS_WORDS;
const FLOW = SOURCE + ADDRESS_WORDS;
const SEEN = FLOW + FLOW_WORDS;
const LEG_WORDS = SEEN + SEEN_WORDS;

/** Sessions of a slab. */
export const SLAB_PLACES = 64;

/** A writer needs nanoseconds; one that died half way never ends. */
const MAX_LOOKS = 1000;

/** A thread's views of one slab. */
export class Slab {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Float64Array;
  readonly #words: Int32Array;
  readonly #seen: Uint32Array;

  constructor(memory = new SharedArrayBuffer(SLAB_PLACES * 2 * LEG_WORDS * 4)) {
    this.memory = memory;
    this.#cells = new Float64Array(memory);
    this.#words = new Int32Array(memory);
    this.#seen = new Uint32Array(memory);
  }

  /** Of a place that was cleared, or that another thread has begun with. */
  leg(place: number, side: Side): SharedLeg {
    return new SharedLeg(this.#cells, this.#words, this.#seen, (2 * place + side) * LEG_WORDS);
  }

  /** Makes it that of a session which has seen nothing yet. */
  clear(place: number): void {
    for (const side of [0, 1] as const) {
      const at = (2 * place + side) * LEG_WORDS;
      this.#words.fill(0, at, at + LEG_WORDS);
      clearLegCells(this.#cells, at / 2);
      this.leg(place, side).flow.set('unknown-source', NO_PLACE);
    }
  }
}

export class SharedLeg {
  readonly counters: LegCounters;
  readonly remote: SharedAddress;
  readonly source: SharedAddress;
  readonly flow: SharedFlow;

  /** @param at the leg's first word */
  constructor(cells: Float64Array, words: Int32Array, seen: Uint32Array, at: number) {
    this.counters = new LegCounters(cells, at / 2, new SeenNumbers(seen, at + SEEN));
    this.remote = new SharedAddress(words, at + REMOTE);
    this.source = new SharedAddress(words, at + SOURCE);
    this.flow = new SharedFlow(cells, words, at);
  }
}

/** Not in the kernel's table. */
export const NO_PLACE = -1;

/** Words of a flow, behind its version. */
const STATE = 1;
const PLACE = 2;

/** What the kernel passes on of a leg, and how much of that is in the leg's counters already. */
export class SharedFlow {
  readonly #cells: Float64Array;
  readonly #words: Int32Array;
  /** The leg's first word. */
  readonly #leg: number;

  constructor(cells: Float64Array, words: Int32Array, leg: number) {
    this.#cells = cells;
    this.#words = words;
    this.#leg = leg;
  }

  get state(): FlowState {
    return FLOW_STATE_NAMES[this.#words[this.#leg + FLOW + STATE] ?? 0] ?? 'unknown-source';
  }

  get place(): number {
    return Atomics.load(this.#words, this.#leg + FLOW + PLACE);
  }

  /** The writer's own. */
  get joint(): Joint {
    return new Joint(this.#cells, this.#leg / 2 + LEG_CELLS);
  }

  set(state: FlowState, place: number): void {
    this.#words[this.#leg + FLOW + STATE] = FLOW_STATE_NAMES.indexOf(state);
    Atomics.store(this.#words, this.#leg + FLOW + PLACE, place);
  }

  /** The writer's: counters, joint and place change together. */
  change(act: () => void): void {
    const version = this.#leg + FLOW;
    Atomics.store(this.#words, version, Atomics.load(this.#words, version) | 1);
    try {
      act();
    } finally {
      Atomics.add(this.#words, version, 1);
    }
  }

  /**
   * The reader's: the leg's counters with what the kernel has passed on since they were joined last.
   *
   * @param passedOn what the kernel has counted at a place
   */
  read(passedOn: (place: number) => PassedOn | undefined): LegCounters {
    const copy = new Float64Array(LEG_CELLS + JOINT_CELLS);
    const leg = this.#leg / 2;
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const version = Atomics.load(this.#words, this.#leg + FLOW);
      const place = this.place;
      copy.set(this.#cells.subarray(leg, leg + LEG_CELLS + JOINT_CELLS));
      const stretch = place === NO_PLACE ? undefined : passedOn(place);
      if (version % 2 === 0 && Atomics.load(this.#words, this.#leg + FLOW) === version) {
        const counters = new LegCounters(copy);
        if (stretch !== undefined) {
          counters.join(stretch, new Joint(copy, LEG_CELLS));
        }
        return counters;
      }
    }
    return new LegCounters(copy);
  }

  /** The reader's: packets that the kernel has passed on since they were joined last. */
  pending(passedOn: (place: number) => PassedOn | undefined): number {
    const place = this.place;
    const stretch = place === NO_PLACE ? undefined : passedOn(place);
    return stretch === undefined ? 0 : Math.max(0, stretch.packets - this.joint.packets);
  }
}

export class SharedAddress {
  readonly #words: Int32Array;
  /** Its version; the sockaddr follows. */
  readonly #at: number;
  /** What was written or read last. */
  #known: TransportAddress | undefined;
  #version = 0;

  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  /** Costs a comparison when it is the same object as the last time. */
  write(address: TransportAddress | undefined): void {
    if (address === this.#known) {
      return;
    }
    this.#known = address;
    // A writer that died half way has left an odd version.
    this.#version = Atomics.load(this.#words, this.#at) | 1;
    Atomics.store(this.#words, this.#at, this.#version);
    const isAddress = address !== undefined && encodeAddress(address, ENCODED) > 0;
    this.#words.set(isAddress ? ENCODED : NOTHING, this.#at + 1);
    this.#version += 1;
    Atomics.store(this.#words, this.#at, this.#version);
  }

  read(): TransportAddress | undefined {
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const version = Atomics.load(this.#words, this.#at);
      if (version === this.#version) {
        break;
      }
      const copy = this.#words.slice(this.#at + 1, this.#at + ADDRESS_WORDS);
      if (version % 2 === 0 && Atomics.load(this.#words, this.#at) === version) {
        this.#version = version;
        this.#known = BOOK.address(copy);
        break;
      }
    }
    return this.#known;
  }
}

const BOOK = new AddressBook();
const ENCODED = new Int32Array(ADDRESS_WORDS - 1);
const NOTHING = new Int32Array(ADDRESS_WORDS - 1).fill(NO_ADDRESS);
