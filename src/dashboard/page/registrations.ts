/** Who is registered at the built-in IMS. What a phone calls itself is shown as text, whatever it is. */
import { element, section, Table } from './elements.js';
import { duration, word } from './words.js';

/** What `/api/registrations` says. */
export interface Registered {
  readonly total: number;
  readonly registrations: readonly {
    readonly aor: string;
    readonly contact: string;
    readonly source: string;
    readonly leftSeconds: number;
    readonly userAgent: string | null;
  }[];
}

export class RegistrationsSection {
  readonly #count = element('strong', {}, '0');
  readonly #none = element('p', { class: 'faint' }, word('noRegistrations'));
  readonly #more = element('p', { class: 'faint' }, word('moreDevices'));
  readonly #table = new Table((['user', 'contact', 'from', 'expires', 'userAgent'] as const).map(word));
  readonly root = section(word('registrations'), true, this.#count, this.#none, this.#table.root, this.#more);

  constructor() {
    this.show({ total: 0, registrations: [] });
  }

  show({ total, registrations }: Registered): void {
    this.#count.textContent = String(total);
    this.#none.hidden = total > 0;
    this.#more.hidden = total === registrations.length;
    this.#table.root.hidden = registrations.length === 0;
    this.#table.show(
      registrations.map(({ aor, contact, source, leftSeconds, userAgent }) => ({
        key: `${aor} ${contact} ${source}`,
        shown: `${leftSeconds} ${userAgent}`,
        cells: () => [aor, contact, source, duration(leftSeconds * 1000), userAgent ?? '–'],
      })),
    );
  }
}
