/** Elements from plain values. Everything that is shown becomes text: a Call-ID that looks like markup stays one. */
type Child = Node | string | number | null | undefined;

export interface Attributes {
  readonly class?: string;
  readonly id?: string;
  readonly title?: string;
  readonly role?: string;
  readonly disabled?: boolean;
  readonly onClick?: () => void;
  readonly tabIndex?: number;
  readonly label?: string;
  readonly href?: string;
  readonly download?: string;
  readonly type?: string;
  readonly value?: string;
  readonly placeholder?: string;
  readonly size?: string;
  /** Enter was pressed. */
  readonly onEnter?: () => void;
}

export function element(name: string, attributes: Attributes = {}, ...children: readonly Child[]): HTMLElement {
  const made = document.createElement(name);
  const { onClick, onEnter, disabled, label, tabIndex, ...others } = attributes;
  for (const [key, value] of Object.entries(others)) {
    made.setAttribute(key, value);
  }
  if (label !== undefined) {
    made.setAttribute('aria-label', label);
  }
  if (tabIndex !== undefined) {
    made.tabIndex = tabIndex;
  }
  if (made instanceof HTMLButtonElement) {
    made.type = 'button';
    made.disabled = disabled === true;
  }
  if (onClick !== undefined) {
    made.addEventListener('click', onClick);
  }
  if (onEnter !== undefined) {
    made.addEventListener('keydown', ({ key }) => key === 'Enter' && onEnter());
  }
  for (const child of children) {
    if (child !== null && child !== undefined) {
      made.append(child instanceof Node ? child : String(child));
    }
  }
  return made;
}

/** A part of the page with its title. */
export function section(title: string, isWide: boolean, ...children: Node[]): HTMLElement {
  return element(
    'section',
    isWide ? { class: 'wide', label: title } : { label: title },
    element('h2', {}, title),
    ...children,
  );
}

/** A table of which only the cells that changed are touched, so that focus and selection stay where they are. */
export class Table {
  readonly root: HTMLElement;
  readonly #body = element('tbody');
  readonly #rows = new Map<string, { readonly row: HTMLElement; shown: string }>();

  constructor(heads: readonly string[]) {
    const cells = heads.map((head) => element('th', { role: 'columnheader' }, head));
    this.root = element('table', {}, element('thead', {}, element('tr', {}, ...cells)), this.#body);
  }

  get isEmpty(): boolean {
    return this.#rows.size === 0;
  }

  /** @param rows by key; `shown` says what the row looks like: it is made anew when that changed */
  show(
    rows: readonly { readonly key: string; readonly shown: string; readonly cells: () => readonly Child[] }[],
  ): void {
    const keys = new Set(rows.map(({ key }) => key));
    for (const [key, { row }] of this.#rows) {
      if (!keys.has(key)) {
        row.remove();
        this.#rows.delete(key);
      }
    }
    for (const { key, shown, cells } of rows) {
      const known = this.#rows.get(key);
      if (known?.shown !== shown) {
        const made = element('tr', {}, ...cells().map((cell) => element('td', {}, cell)));
        if (known === undefined) {
          this.#body.append(made);
        } else {
          const wasFocused = known.row.contains(document.activeElement);
          known.row.replaceWith(made);
          if (wasFocused) {
            made.querySelector('button')?.focus();
          }
        }
        this.#rows.set(key, { row: made, shown });
      }
    }
  }
}

/** A log of which the oldest lines go: a page may stay open for days. */
export class Lines {
  readonly root: HTMLElement;
  readonly #limit: number;

  constructor(label: string, limit: number) {
    this.root = element('div', { class: 'lines', role: 'log', label, tabIndex: 0 });
    this.#limit = limit;
  }

  add(kind: string, text: string): void {
    const { root } = this;
    const isAtEnd = root.scrollHeight - root.scrollTop - root.clientHeight < 40;
    root.append(element('div', { class: kind }, text));
    while (root.childElementCount > this.#limit) {
      root.firstElementChild?.remove();
    }
    if (isAtEnd) {
      root.scrollTop = root.scrollHeight;
    }
  }
}
