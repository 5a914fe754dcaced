/** The parts of the page: each shows one answer of the API. */
import { element, Lines, section, Table } from './elements.js';
import { Sparkline } from './sparkline.js';
import { duration, word } from './words.js';

/** What `/api/status` says, as far as the page shows it; `control/status.ts` has all of it. */
export interface Status {
  readonly version: string;
  readonly uptimeMs: number;
  readonly verdict: string;
  readonly config: string;
  readonly services: Readonly<Record<'relay' | 'ims', Service>>;
}

interface Service {
  readonly state: string;
  readonly pid: number | null;
  readonly uptimeMs: number | null;
  readonly restarts: number;
  readonly active: number | null;
  readonly where: string;
  readonly detail: string | null;
  readonly health: {
    readonly misses: number;
    readonly latencyMs: number | null;
    readonly media: {
      readonly checks: number;
      readonly misses: number;
      readonly delayMs: number | null;
      readonly finding: string | null;
    } | null;
  } | null;
}

export interface Ban {
  readonly source: string;
  readonly failures: number;
  readonly leftSeconds: number;
}

/** Ten minutes at a look every two seconds. */
const CURVE_LENGTH = 300;
const LINES_SHOWN = 500;

const GOOD_STATES = ['ready', 'adopted'];
const BAD_STATES = ['failed', 'unhealthy', 'backoff'];

export class ServicesSection {
  readonly #table = new Table(
    (['service', 'state', 'pid', 'uptime', 'restarts', 'active', 'health'] as const).map(word).concat(''),
  );
  readonly root = section(word('services'), true, this.#table.root);
  readonly #restart: (service: string) => void;

  constructor(restart: (service: string) => void) {
    this.#restart = restart;
  }

  show({ services }: Status): void {
    this.#table.show(
      (['relay', 'ims'] as const).map((name) => {
        const service = services[name];
        const texts = [
          service.state,
          service.pid ?? '',
          service.uptimeMs === null ? '' : duration(service.uptimeMs),
          service.restarts,
          service.active ?? '',
          healthOf(service),
        ];
        return {
          key: name,
          shown: JSON.stringify([texts, service.detail, service.where]),
          cells: () => this.#cells(name, service, texts),
        };
      }),
    );
  }

  #cells(name: string, { state, where, detail }: Service, [, ...texts]: readonly (string | number)[]): Node[] {
    const kind = GOOD_STATES.includes(state) ? 'good' : BAD_STATES.includes(state) ? 'bad' : 'warn';
    const button = element(
      'button',
      { onClick: () => this.#restart(name), label: `${word('restart')} ${name}` },
      word('restart'),
    );
    return [
      element('span', { title: where }, name, ' ', element('span', { class: 'faint' }, where)),
      element('span', { class: kind }, detail === null ? state : `${state}: ${detail}`),
      ...texts.map((text) => element('span', {}, text)),
      button,
    ];
  }
}

function healthOf({ health }: Service): string {
  if (health === null) {
    return '';
  }
  return health.misses > 0 ? `✗ ${health.misses}` : health.latencyMs === null ? '' : `✓ ${health.latencyMs} ms`;
}

export class CallsSection {
  readonly #now = element('strong', { id: 'calls' }, '0');
  readonly #curve = new Sparkline(word('calls'), CURVE_LENGTH);
  readonly root = section(word('calls'), false, this.#now, this.#curve.root);

  show({ services }: Status): void {
    const calls = services.ims.active ?? services.relay.active ?? 0;
    this.#now.textContent = String(calls);
    this.#curve.add(calls);
  }
}

export class MediaSection {
  readonly #state = element('p', { id: 'media', role: 'status' });
  readonly #curve = new Sparkline(word('delay'), CURVE_LENGTH);
  readonly root = section(word('mediaCheck'), false, this.#state, this.#curve.root);

  show({ services }: Status): void {
    const media = services.relay.health?.media;
    const isDead = media !== null && media !== undefined && media.misses > 0;
    const isKnown = media !== null && media !== undefined && media.checks > 0;
    const delay = media?.delayMs;
    this.#state.className = isDead ? 'bad' : isKnown ? 'good' : 'faint';
    this.#state.textContent = isDead
      ? `${word('mediaDead')}: ${media.finding ?? ''}`
      : isKnown
        ? `${word('mediaPasses')}${delay === null || delay === undefined ? '' : `, ${word('delay')} ${delay} ms`}`
        : word('mediaUnknown');
    if (delay !== null && delay !== undefined) {
      this.#curve.add(delay);
    }
  }
}

export class BansSection {
  readonly #table = new Table([word('source'), word('failures'), word('left'), '']);
  readonly #none = element('p', { class: 'faint' }, word('noBans'));
  readonly root = section(word('bans'), false, this.#none, this.#table.root);
  readonly #lift: (source: string) => void;

  constructor(lift: (source: string) => void) {
    this.#lift = lift;
    this.show([]);
  }

  show(bans: readonly Ban[]): void {
    this.#none.hidden = bans.length > 0;
    this.#table.root.hidden = bans.length === 0;
    this.#table.show(
      bans.map(({ source, failures, leftSeconds }) => ({
        key: source,
        shown: `${failures} ${leftSeconds}`,
        cells: () => [
          source,
          failures,
          duration(leftSeconds * 1000),
          element('button', { onClick: () => this.#lift(source), label: `${word('lift')} ${source}` }, word('lift')),
        ],
      })),
    );
  }
}

interface Happened {
  readonly time: string;
  readonly level?: string;
  readonly event?: string;
  readonly sentence?: string;
  readonly service?: string;
  readonly reason?: string;
  readonly line?: string;
}

const LEVELS: Readonly<Record<string, string>> = { error: 'bad', warn: 'warn' };

export class EventsSection {
  readonly #lines = new Lines(word('events'), LINES_SHOWN);
  readonly root = section(word('events'), true, this.#lines.root);

  add({ time, level, service, sentence, reason }: Happened): void {
    const about = service === undefined ? '' : ` [${service}]`;
    this.#lines.add(
      LEVELS[level ?? ''] ?? '',
      `${clock(time)}${about} ${sentence ?? ''}${reason === undefined ? '' : `: ${reason}`}`,
    );
  }
}

export class LogsSection {
  readonly #lines = new Lines(word('logs'), LINES_SHOWN);
  readonly root = section(word('logs'), true, this.#lines.root);

  add({ time, service, line }: Happened): void {
    const { kind, text } = readable(line ?? '');
    this.#lines.add(kind, `${clock(time)} [${service ?? ''}] ${text}`);
  }
}

function clock(time: string): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? '' : at.toLocaleTimeString();
}

/** Of a log line in JSON the sentence comes first; another program's line stays as it is. */
function readable(line: string): { readonly kind: string; readonly text: string } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return { kind: '', text: line };
  }
  if (typeof parsed !== 'object' || parsed === null || !('msg' in parsed)) {
    return { kind: '', text: line };
  }
  const { level, time: _time, pid: _pid, part: _part, msg, ...fields } = parsed as Record<string, unknown>;
  const told = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  const kind = typeof level !== 'number' ? '' : level >= 50 ? 'bad' : level >= 40 ? 'warn' : '';
  return { kind, text: `${String(msg)}${told.join('')}` };
}
