/** Two feeds of records, each in order, become one in order: tshark must read an SDP before the media that it announces. */

export interface TimedRecord {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

interface Feed {
  readonly records: TimedRecord[];
  /** Nothing older is still to come. */
  upTo: number;
}

export class TimeMerge {
  readonly #feeds: readonly Feed[];

  /** @param feeds how many */
  constructor(feeds: number) {
    this.#feeds = Array.from({ length: feeds }, () => ({ records: [], upTo: 0 }));
  }

  /** @param upTo the feed has told everything up to this instant; Infinity: it has ended */
  push(index: number, records: readonly TimedRecord[], upTo: number): void {
    const feed = this.#feeds[index];
    if (feed === undefined) {
      throw new RangeError(`there is no feed ${index}`);
    }
    for (const record of records) {
      feed.records.push(record);
    }
    feed.upTo = Math.max(feed.upTo, upTo);
  }

  /** What can be written: all that nothing older will be added to. Of equals the earlier feed's. */
  take(): TimedRecord[] {
    const settled = Math.min(...this.#feeds.map(({ upTo }) => upTo));
    return this.#feeds
      .flatMap(({ records }) => records.splice(0, countUpTo(records, settled)))
      .sort((one, other) => one.at - other.at);
  }

  /** Everything, at the end. */
  takeAll(): TimedRecord[] {
    return this.#feeds.flatMap(({ records }) => records.splice(0)).sort((one, other) => one.at - other.at);
  }
}

/** How many records at the front are settled; a clock that was set back does not hold the rest up. */
function countUpTo(records: readonly TimedRecord[], settled: number): number {
  return records.findLastIndex(({ at }) => at <= settled) + 1;
}
