/** Calls with both directions of their media. */
import { element, section, Table } from './elements.js';
import { directionCells, PARTIES, type ShownCall } from './ladder.js';
import { Sparkline } from './sparkline.js';
import { word } from './words.js';

/** What `/api/calls` says of one stream of a call, as far as the page shows it. */
export interface CallRow {
  readonly callId: string;
  readonly fromTag: string;
  readonly upMs: number | null;
  readonly names: { readonly id: string; readonly caller: string; readonly callee: string } | null;
  readonly caller: Direction;
  readonly callee: Direction;
}

export interface Direction {
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

/** Two minutes at a look every two seconds. */
const DIRECTION_LENGTH = 60;

/** Both directions of every call, each with its packets over time; one that nobody hears is red. */
export class CallTable {
  readonly #table = new Table(
    (['call', 'party', 'codec', 'packets', 'loss', 'jitter'] as const)
      .map(word)
      .concat('MOS', word('overTime'), word('media')),
  );
  readonly #none = element('p', { class: 'faint' }, word('noCalls'));
  readonly root = section(word('call'), true, this.#none, this.#table.root);
  readonly #open: (call: ShownCall) => void;
  readonly #curves = new Map<string, { readonly curve: Sparkline; readonly packets: number; readonly at: number }>();

  constructor(open: (call: ShownCall) => void) {
    this.#open = open;
  }

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
    const title = names === null ? callId : `${names.caller} → ${names.callee}`;
    const cells = directionCells(party, call[party]);
    cells.splice(-1, 0, this.#curves.get(key)?.curve.root ?? '');
    return [party === 'caller' ? this.#title(title, names?.id) : null, ...cells];
  }

  /** Of a call that the built-in IMS does not have there is no SIP to show. */
  #title(title: string, id: string | undefined): Node | string {
    if (id === undefined) {
      return title;
    }
    const onClick = (): void => this.#open({ id, title });
    return element(
      'span',
      {},
      `${title} `,
      element('button', { onClick, label: `${word('openLadder')} ${title}` }, 'SIP'),
    );
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
