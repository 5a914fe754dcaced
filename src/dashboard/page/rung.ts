/** One message of a ladder: an arrow between two lives. */
/** What `/api/ladder` says of a message; all texts may be a stranger's. */
export interface Rung {
  readonly at: number;
  readonly direction: 'received' | 'sent';
  readonly transport: string;
  readonly remote: string;
  readonly label: string;
  readonly media: string;
  readonly text: string;
}

/** Whose life is where: the first to speak on the left, ours next to it, the others behind. */
export interface Columns {
  readonly names: readonly string[];
  of(remote: string): number;
}

const SVG = 'http://www.w3.org/2000/svg';
const COLUMN = 190;
const HEIGHT = 34;
const HEAD_HEIGHT = 24;
const LINE_Y = 24;
const TIP = 7;
/** More parties share the last column. */
const MAX_PARTIES = 4;
const LONGEST_LABEL = 26;
const OURSELVES = 'ims-server';
const OWN = 1;

export function columnsOf(rungs: readonly Rung[]): Columns {
  const [first = '', ...others] = [...new Set(rungs.map(({ remote }) => remote))].slice(0, MAX_PARTIES);
  const names = [first, OURSELVES, ...others];
  return {
    names,
    of: (remote) => {
      const index = names.indexOf(remote);
      return index === -1 ? names.length - 1 : index;
    },
  };
}

/** Who has which column. */
export function drawHead({ names }: Columns): SVGElement {
  const svg = canvas(names.length, HEAD_HEIGHT, names.join(', '));
  for (const [column, name] of names.entries()) {
    svg.append(writing(middle(column), 16, name));
  }
  return svg;
}

export function drawRung({ direction, remote, label }: Rung, columns: Columns): SVGElement {
  const party = columns.of(remote);
  const [from, to] = direction === 'sent' ? [OWN, party] : [party, OWN];
  const svg = canvas(columns.names.length, HEIGHT, tellRung({ direction, remote, label }));
  svg.setAttribute('class', toneOf(label));
  for (const column of columns.names.keys()) {
    svg.append(line('life', middle(column), 0, middle(column), HEIGHT));
  }
  const end = middle(to);
  const back = end > middle(from) ? -TIP : TIP;
  const tip = document.createElementNS(SVG, 'path');
  tip.setAttribute('class', 'tip');
  tip.setAttribute('d', `M${end} ${LINE_Y} l${back} -4 v8 z`);
  svg.append(
    line('arrow', middle(from), LINE_Y, end + back, LINE_Y),
    tip,
    writing((middle(from) + end) / 2, LINE_Y - 7, label),
  );
  return svg;
}

/** The same for who does not see it. */
export function tellRung({ direction, remote, label }: Pick<Rung, 'direction' | 'remote' | 'label'>): string {
  const [from, to] = direction === 'sent' ? [OURSELVES, remote] : [remote, OURSELVES];
  return `${from} → ${to}: ${label}`;
}

/** Local time with milliseconds. */
export function clockOf(at: number): string {
  const date = new Date(at);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function toneOf(label: string): string {
  const status = Number(/^(\d{3})\b/.exec(label)?.[1] ?? 0);
  return status === 0 ? '' : status < 200 ? 'faint' : status < 300 ? 'good' : 'warn';
}

function canvas(columns: number, height: number, told: string): SVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('width', String(columns * COLUMN));
  svg.setAttribute('height', String(height));
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', told);
  return svg;
}

function line(kind: string, x1: number, y1: number, x2: number, y2: number): SVGElement {
  const made = document.createElementNS(SVG, 'line');
  for (const [name, value] of Object.entries({ class: kind, x1, y1, x2, y2 })) {
    made.setAttribute(name, String(value));
  }
  return made;
}

function writing(x: number, y: number, text: string): SVGElement {
  const made = document.createElementNS(SVG, 'text');
  made.setAttribute('x', String(x));
  made.setAttribute('y', String(y));
  made.setAttribute('text-anchor', 'middle');
  const characters = [...text];
  made.textContent = characters.length <= LONGEST_LABEL ? text : `${characters.slice(0, LONGEST_LABEL - 1).join('')}…`;
  return made;
}

function middle(column: number): number {
  return column * COLUMN + COLUMN / 2;
}
