/** A call by itself: its SIP as a ladder, each message with all of its text, and both directions of its media. */
import type { CallRow, Direction } from './calls.js';
import { element, Table } from './elements.js';
import { type Columns, clockOf, columnsOf, drawHead, drawRung, type Rung } from './rung.js';
import { word } from './words.js';

/** The newest of them. */
const MAX_RUNGS = 300;

/** What a direction is shown by; a record tells less than a call that goes on. */
export type DirectionFigures = Pick<Direction, 'packets'> & Partial<Direction>;

export interface MediaRow {
  readonly party: 'caller' | 'callee';
  readonly figures: DirectionFigures;
}

export interface ShownCall {
  /** Of its record. */
  readonly id: string;
  readonly title: string;
  /** Of a call that has ended. */
  readonly media?: readonly MediaRow[];
}

type Ask = (method: 'GET', path: string) => Promise<unknown>;

export class LadderDialog {
  readonly root = element('dialog', { label: word('ladder') }) as HTMLDialogElement;
  readonly #ask: Ask;
  readonly #title = element('h2');
  readonly #note = element('p', { class: 'faint', role: 'status' });
  readonly #media = new Table(
    (['party', 'codec', 'packets', 'loss', 'jitter'] as const).map(word).concat('MOS', word('media')),
  );
  readonly #ladder = element('div', { class: 'ladder' });
  readonly #trouble = element('p', { class: 'bad' });
  readonly #rungs = new Map<string, HTMLDetailsElement>();
  #names = '';
  #call: ShownCall | undefined;
  #wasUp = false;

  constructor(ask: Ask) {
    this.#ask = ask;
    const close = element('button', { onClick: () => this.root.close() }, word('close'));
    this.root.append(
      element('header', {}, this.#title, close),
      this.#note,
      this.#media.root,
      this.#trouble,
      this.#ladder,
    );
    this.root.addEventListener('close', () => this.#forget());
  }

  /** The browser gives the focus back when it is closed. */
  async open(call: ShownCall, calls: readonly CallRow[]): Promise<void> {
    this.#forget();
    this.#call = call;
    this.#title.textContent = call.title;
    this.root.showModal();
    await this.look(calls);
  }

  /** @param calls that are up */
  async look(calls: readonly CallRow[]): Promise<void> {
    const call = this.#call;
    if (call === undefined) {
      return;
    }
    this.#showMedia(call, calls);
    try {
      const rungs = (await this.#ask('GET', `/api/ladder?call=${encodeURIComponent(call.id)}`)) as readonly Rung[];
      if (this.#call === call) {
        this.#trouble.textContent = rungs.length === 0 ? word('noMessages') : '';
        this.#showLadder(rungs.slice(-MAX_RUNGS));
      }
    } catch (error) {
      this.#trouble.textContent = word('refused') + (error as Error).message;
    }
  }

  #forget(): void {
    this.#call = undefined;
    this.#wasUp = false;
    this.#names = '';
    this.#rungs.clear();
    this.#ladder.replaceChildren();
    this.#media.show([]);
    this.#trouble.textContent = '';
    this.#note.textContent = '';
  }

  #showMedia({ id, media = [] }: ShownCall, calls: readonly CallRow[]): void {
    const streams = calls.filter(({ names }) => names?.id === id);
    const rows = streams.flatMap((stream): MediaRow[] => PARTIES.map((party) => ({ party, figures: stream[party] })));
    const isUp = rows.length > 0;
    this.#wasUp ||= isUp;
    if (!isUp && this.#wasUp) {
      // What was told last stays.
      this.#note.textContent = word('callIsOver');
      return;
    }
    const shown = isUp ? rows : media;
    this.#note.textContent = shown.length === 0 ? word('noMediaTold') : '';
    this.#media.root.hidden = shown.length === 0;
    this.#media.show(
      shown.map(({ party, figures }, index) => ({
        key: String(index),
        shown: JSON.stringify(figures),
        cells: () => directionCells(party, figures),
      })),
    );
  }

  #showLadder(rungs: readonly Rung[]): void {
    const columns = columnsOf(rungs);
    const names = columns.names.join('\n');
    const focused = [...this.#rungs].find(([, details]) => details.contains(document.activeElement))?.[0];
    const before = new Map(this.#rungs);
    const isSame = names === this.#names;
    this.#names = names;
    this.#rungs.clear();
    const keys = new Map<string, number>();
    for (const rung of rungs) {
      const key = keyOf(rung, keys);
      const known = before.get(key);
      this.#rungs.set(key, known !== undefined && isSame ? known : drawDetails(rung, columns, known?.open === true));
    }
    const made = [...this.#rungs.values()];
    if (!isSame || made.length !== before.size || made.some((details) => !details.isConnected)) {
      const head = element('div', { class: 'head' }, drawHead(columns));
      this.#ladder.replaceChildren(...(made.length === 0 ? [] : [head, ...made]));
      this.#rungs
        .get(focused ?? '')
        ?.querySelector('summary')
        ?.focus();
    }
  }
}

export const PARTIES = ['caller', 'callee'] as const;
/** Of a direction that is as it should be, or not yet known to be otherwise. */
const WELL = ['flows', 'held', 'waiting'];

/** What a direction is shown by, in both tables of the page; without the curve. */
export function directionCells(party: 'caller' | 'callee', figures: DirectionFigures): (Node | string | number)[] {
  const { codec, packets, lossPercent, jitterMs, mos, verdict, words } = figures;
  const isWell = verdict === undefined || WELL.includes(verdict);
  const told = isWell ? verdict : (words ?? verdict);
  return [
    word(party),
    codec ?? '–',
    packets,
    packets > 0 && lossPercent !== undefined ? `${lossPercent} %` : '–',
    typeof jitterMs === 'number' ? `${jitterMs} ms` : '–',
    typeof mos === 'number' ? mos.toFixed(1) : '–',
    element('span', { class: isWell ? 'good' : 'bad' }, told ?? '–'),
  ];
}

/** The same message may go by twice in a millisecond. */
function keyOf({ at, direction, remote, label }: Rung, seen: Map<string, number>): string {
  const key = `${at} ${direction} ${remote} ${label}`;
  const count = seen.get(key) ?? 0;
  seen.set(key, count + 1);
  return `${key} ${count}`;
}

function drawDetails(rung: Rung, columns: Columns, isOpen: boolean): HTMLDetailsElement {
  const about = [columns.names.includes(rung.remote) ? '' : rung.remote, rung.media].filter((text) => text !== '');
  const time = element('time', { title: rung.transport.toUpperCase() }, clockOf(rung.at));
  const details = element(
    'details',
    {},
    element('summary', {}, time, drawRung(rung, columns), element('span', { class: 'about' }, about.join(' '))),
    element('pre', {}, rung.text),
  ) as HTMLDetailsElement;
  details.open = isOpen;
  return details;
}
