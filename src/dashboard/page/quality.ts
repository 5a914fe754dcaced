/** How many directions sound how good: a histogram of their last seconds, by the classes of G.107 annex B. */
import type { CallRow } from './calls.js';
import { element, section } from './elements.js';
import { word } from './words.js';

const SVG = 'http://www.w3.org/2000/svg';
/** Lower bounds of the classes, from "nobody is satisfied" to "everybody is very satisfied". */
const CLASSES = [1, 2.58, 3.1, 3.6, 4.03, 4.34] as const;
const PARTIES = ['caller', 'callee'] as const;

const WIDTH = 600;
const HEIGHT = 150;
const BASE = 110;
const COLUMN = WIDTH / CLASSES.length;
const BAR = COLUMN * 0.36;

export class QualitySection {
  readonly #drawing = document.createElementNS(SVG, 'svg');
  readonly #note = element('p', { class: 'faint' });
  readonly root = section(word('quality'), false, this.#note);
  #shown = '';

  constructor() {
    this.#drawing.setAttribute('class', 'histogram');
    this.#drawing.setAttribute('role', 'img');
    this.#drawing.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.root.insertBefore(this.#drawing, this.#note);
    this.show([], 0);
  }

  /** @param total streams that there are; the worst of them are told */
  show(calls: readonly CallRow[], total: number): void {
    const counts = PARTIES.map((party) => countClasses(calls.map((call) => call[party].mosNow ?? call[party].mos)));
    const estimated = counts.flat().reduce((sum, count) => sum + count, 0);
    const shown = JSON.stringify([counts, total, calls.length]);
    if (shown === this.#shown) {
      return;
    }
    this.#shown = shown;
    const notes = [`${word('noEstimate')}: ${2 * calls.length - estimated}`];
    if (total > calls.length) {
      notes.push(word('notTold'));
    }
    this.#note.textContent = notes.join('; ');
    this.#draw(counts);
  }

  #draw(counts: readonly (readonly number[])[]): void {
    const highest = Math.max(1, ...counts.flat());
    const spoken: string[] = [];
    const parts: Node[] = [];
    for (const [index, from] of CLASSES.entries()) {
      const upTo = CLASSES[index + 1];
      const name = upTo === undefined ? `≥ ${from}` : index === 0 ? `< ${upTo}` : `${from}–${upTo}`;
      const x = index * COLUMN + COLUMN * 0.12;
      parts.push(label(index * COLUMN + COLUMN / 2, BASE + 16, name));
      for (const [side, party] of PARTIES.entries()) {
        const count = counts[side]?.[index] ?? 0;
        const height = (count / highest) * (BASE - 20);
        parts.push(shape('rect', { class: party, x: x + side * BAR, y: BASE - height, width: BAR - 2, height }));
        if (count > 0) {
          parts.push(label(x + side * BAR + BAR / 2, BASE - height - 4, String(count)));
          spoken.push(`${name}: ${word(party)} ${count}`);
        }
      }
    }
    for (const [side, party] of PARTIES.entries()) {
      const x = WIDTH / 2 - 80 + side * 90;
      parts.push(shape('rect', { class: party, x, y: HEIGHT - 12, width: 10, height: 10 }));
      parts.push(label(x + 40, HEIGHT - 3, word(party)));
    }
    this.#drawing.setAttribute('aria-label', spoken.join(', ') || word('noEstimate'));
    this.#drawing.replaceChildren(...parts);
  }
}

function countClasses(scores: readonly (number | null)[]): number[] {
  const counts: number[] = CLASSES.map(() => 0);
  for (const score of scores) {
    if (score !== null) {
      const index = Math.max(
        0,
        CLASSES.findLastIndex((from) => score >= from),
      );
      counts[index] = (counts[index] ?? 0) + 1;
    }
  }
  return counts;
}

function shape(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, String(value));
  }
  return made as SVGElement;
}

function label(x: number, y: number, text: string): SVGElement {
  const made = shape('text', { x, y, 'text-anchor': 'middle' });
  made.textContent = text;
  return made;
}
