/** What the doctor finds. */
import { element, section } from './elements.js';
import { word } from './words.js';

/** What `/api/check` says: `doctor/ailment.ts` has all of it. */
export interface Check {
  readonly findings: readonly {
    readonly code: string;
    readonly severity: string;
    readonly evidence: string;
    readonly fix: string;
  }[];
}

/** The doctor's findings, looked for when somebody asks. */
export class FindingsSection {
  readonly #list = element('div', { role: 'status' });
  readonly #button: HTMLElement;
  readonly root: HTMLElement;

  constructor(run: () => void) {
    this.#button = element('button', { onClick: run }, word('runCheck'));
    this.root = section(word('findings'), false, this.#button, this.#list);
  }

  wait(): void {
    this.#list.replaceChildren(element('p', { class: 'faint' }, word('checking')));
  }

  show({ findings }: Check): void {
    const shown = findings.map(({ code, severity, evidence, fix }) =>
      element(
        'div',
        {},
        element('p', { class: severity === 'breaks' ? 'bad' : 'warn' }, `${code}: ${evidence}`),
        element('code', {}, fix),
      ),
    );
    this.#list.replaceChildren(...(shown.length > 0 ? shown : [element('p', { class: 'good' }, word('nothingFound'))]));
  }
}
