import { SLAB_PLACES, Slab } from './shared-session.ts';

/** Where a session's memory lies. */
export interface Place {
  /** Number of the slab, and of the session's place in it. */
  readonly slab: number;
  readonly place: number;
}

/** Gives out the places of slabs, and makes slabs as they are needed; they are kept for the sessions to come. */
export class SlabPlaces {
  readonly slabs: Slab[] = [];
  readonly #free: Place[] = [];

  /** Of a session that has seen nothing yet. A slab that is new by it is the last of `slabs`. */
  take(): Place {
    if (this.#free.length === 0) {
      const slab = this.slabs.push(new Slab()) - 1;
      for (let place = SLAB_PLACES - 1; place >= 0; place -= 1) {
        this.#free.push({ slab, place });
      }
    }
    const taken = this.#free.pop() as Place;
    this.slabs[taken.slab]?.clear(taken.place);
    return taken;
  }

  /** Nobody writes there any more. */
  release(place: Place): void {
    this.#free.push(place);
  }
}
