/** A small curve of a number over the last minutes. */
const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 600;
const HEIGHT = 60;

export class Sparkline {
  readonly root: SVGElement;
  readonly #curve: SVGElement;
  readonly #values: number[] = [];
  readonly #length: number;

  /** @param length how many values are kept */
  constructor(label: string, length: number) {
    this.#length = length;
    this.root = document.createElementNS(SVG, 'svg');
    this.root.setAttribute('class', 'sparkline');
    this.root.setAttribute('role', 'img');
    this.root.setAttribute('aria-label', label);
    this.root.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.root.setAttribute('preserveAspectRatio', 'none');
    this.#curve = document.createElementNS(SVG, 'polyline');
    this.root.append(this.#curve);
  }

  add(value: number): void {
    this.#values.push(value);
    this.#values.splice(0, this.#values.length - this.#length);
    const highest = Math.max(1, ...this.#values);
    const first = this.#length - this.#values.length;
    const points = this.#values.map((each, index) => {
      const x = ((first + index) / (this.#length - 1)) * WIDTH;
      const y = HEIGHT - 2 - (each / highest) * (HEIGHT - 4);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    });
    this.#curve.setAttribute('points', points.join(' '));
  }
}
