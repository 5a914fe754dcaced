/** Calls with both directions of their media. */
import { element, section, Table } from './elements.js';
import { Sparkline } from './sparkline.js';
import { word } from './words.js';

/** What `/api/calls` says of one stream of a call, as far as the page shows it. */
export interface CallRow {
  readonly callId: string;
  readonly fromTag: string;
  readonly upMs: number | null;
  readonly names: { readonly caller: string; readonly callee: string } | null;
  readonly caller: Direction;
  readonly callee: Direction;
}

interface Direction {
  readonly verdict: string;
  readonly words: string;
  readonly codec: string | null;
  readonly packets: number;
  readonly lossPercent: number;
  readonly jitterMs: number | null;
  readonly mos: number | null;
  /** Of the last seconds. */
  readonly mosNow: number | null;
}

const PARTIES = ['caller', 'callee'] as const;
/** Two minutes at a look every two seconds. */
const DIRECTION_LENGTH = 60;
/** Of a direction that is as it should be, or not yet known to be otherwise. */
const WELL = ['flows', 'held', 'waiting'];

/** Both directions of every call, each with its packets over time; one that nobody hears is red. */
export class CallTable {
  readonly #table = new Table(
    (['call', 'party', 'codec', 'packets', 'loss', 'jitter'] as const)
      .map(word)
      .concat('MOS', word('overTime'), word('media')),
  );
  readonly #none = element('p', { class: 'faint' }, word('noCalls'));
  readonly root = section(word('call'), true, this.#none, this.#table.root);
  readonly #curves = new Map<string, { readonly curve: Sparkline; readonly packets: number; readonly at: number }>();

  show(calls: readonly CallRow[]): void {
    this.#none.hidden = calls.length > 0;
    this.#table.root.hidden = calls.length === 0;
    const rows = calls.flatMap((call) =>
      PARTIES.map((party) => ({ call, party, key: `${call.callId} ${call.fromTag} ${party}` })),
    );
    this.#draw(new Map(rows.map(({ call, party, key }) => [key, call[party].packets])));
    this.#table.show(
      rows.map(({ call, party, key }) => ({
        key,
        shown: JSON.stringify([call[party], call.names]),
        cells: () => this.#cells(call, party, key),
      })),
    );
  }

  #cells(
    { names, callId, ...call }: CallRow,
    party: 'caller' | 'callee',
    key: string,
  ): (Node | string | number | null)[] {
    const { codec, packets, lossPercent, jitterMs, mos, verdict, words } = call[party];
    const isWell = WELL.includes(verdict);
    const title = names === null ? callId : `${names.caller} → ${names.callee}`;
    return [
      party === 'caller' ? title : null,
      word(party),
      codec ?? '–',
      packets,
      packets > 0 ? `${lossPercent} %` : '–',
      jitterMs === null ? '–' : `${jitterMs} ms`,
      mos === null ? '–' : mos.toFixed(1),
      this.#curves.get(key)?.curve.root ?? null,
      element('span', { class: isWell ? 'good' : 'bad' }, isWell ? verdict : words),
    ];
  }

  /** @param packets seen so far, by row */
  #draw(packets: ReadonlyMap<string, number>): void {
    for (const key of this.#curves.keys()) {
      if (!packets.has(key)) {
        this.#curves.delete(key);
      }
    }
    const now = performance.now();
    for (const [key, count] of packets) {
      const known = this.#curves.get(key);
      const curve = known?.curve ?? new Sparkline(word('overTime'), DIRECTION_LENGTH);
      if (known !== undefined && now > known.at) {
        curve.add(((count - known.packets) * 1000) / (now - known.at));
      }
      this.#curves.set(key, { curve, packets: count, at: now });
    }
  }
}
