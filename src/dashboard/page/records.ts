/** Call records of a day: searched, shown, and taken away as CSV. */
import { element, section, Table } from './elements.js';
import { type DirectionFigures, PARTIES, type ShownCall } from './ladder.js';
import { duration, word } from './words.js';

/** What `/api/records` says, as far as the page shows it. */
interface Found {
  readonly truncated: boolean;
  readonly records: readonly {
    readonly id: string;
    readonly event: string;
    readonly callId: string;
    readonly caller: { readonly uri: string };
    readonly callee: { readonly uri: string };
    readonly invitedAt: string;
    readonly durationSeconds?: number;
    readonly endedBy?: 'caller' | 'callee' | 'server';
    readonly status?: number;
    readonly cause?: number;
    readonly reason?: string;
    readonly media?: readonly { readonly caller: DirectionFigures; readonly callee: DirectionFigures }[];
  }[];
}

type Ask = (method: 'GET', path: string) => Promise<unknown>;

export class RecordsSection {
  readonly #day = input('date', word('day'), new Date().toISOString().slice(0, 10), this);
  readonly #text = input('search', word('searchText'), '', this);
  readonly #cause = input('number', word('cause'), '', this);
  readonly #csv = element('a', { href: '/api/records.csv', download: '' }, word('downloadCsv')) as HTMLAnchorElement;
  readonly #table = new Table(
    (['time', 'caller', 'callee', 'talked', 'status', 'cause', 'reason', 'endedBy'] as const)
      .map(word)
      .concat('Call-ID'),
  );
  readonly #note = element('p', { class: 'faint', role: 'status' });
  readonly #ask: Ask;
  readonly #open: (call: ShownCall) => void;
  readonly root: HTMLElement;

  constructor(ask: Ask, open: (call: ShownCall) => void) {
    this.#ask = ask;
    this.#open = open;
    const button = element('button', { onClick: () => void this.search() }, word('search'));
    const fields = [this.#day, this.#text, this.#cause].map((field) =>
      element('label', {}, `${field.getAttribute('aria-label') ?? ''} `, field),
    );
    this.#table.root.hidden = true;
    this.root = section(
      word('records'),
      true,
      element('div', { class: 'search', role: 'search' }, ...fields, button, this.#csv),
      this.#note,
      this.#table.root,
    );
    for (const field of [this.#day, this.#text, this.#cause]) {
      field.addEventListener('input', () => this.#nameCsv());
    }
    this.#nameCsv();
  }

  async search(): Promise<void> {
    try {
      this.#show((await this.#ask('GET', `/api/records?${this.#query()}`)) as Found);
    } catch (error) {
      this.#show({ truncated: false, records: [] });
      this.#note.textContent = word('refused') + (error as Error).message;
    }
  }

  #show({ records, truncated }: Found): void {
    this.#note.textContent = records.length === 0 ? word('noRecords') : truncated ? word('moreRecords') : '';
    this.#table.root.hidden = records.length === 0;
    // Rows that stay would keep their place, and another search has another order.
    this.#table.show([]);
    this.#table.show(
      records.map((record) => ({
        key: `${record.id} ${record.event}`,
        shown: '',
        cells: () => [
          record.invitedAt.replace('T', ' ').slice(0, 19),
          record.caller.uri,
          record.callee.uri,
          record.durationSeconds === undefined ? '' : duration(record.durationSeconds * 1000),
          record.status,
          record.cause,
          record.reason,
          record.endedBy === undefined ? '' : word(record.endedBy),
          this.#callId(record),
        ],
      })),
    );
  }

  #callId({ id, callId, caller, callee, media = [] }: Found['records'][number]): Node {
    const title = `${caller.uri} → ${callee.uri}`;
    const rows = media.flatMap((stream) => PARTIES.map((party) => ({ party, figures: stream[party] })));
    const onClick = (): void => this.#open({ id, title, media: rows });
    return element(
      'span',
      {},
      `${callId} `,
      element('button', { onClick, label: `${word('openLadder')} ${callId}` }, 'SIP'),
    );
  }

  #nameCsv(): void {
    this.#csv.href = `/api/records.csv?${this.#query()}`;
  }

  #query(): string {
    return new URLSearchParams({
      day: this.#day.value,
      text: this.#text.value,
      cause: this.#cause.value,
    }).toString();
  }
}

function input(type: string, label: string, value: string, section: RecordsSection): HTMLInputElement {
  return element('input', { type, label, value, onEnter: () => void section.search() }) as HTMLInputElement;
}
