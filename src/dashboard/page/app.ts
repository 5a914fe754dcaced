/** The dashboard in the browser: asks for the status every two seconds, and is told events and log lines as they come. */
import { type CallRow, CallTable } from './calls.js';
import { type Check, FindingsSection } from './findings.js';
import { LadderDialog, type ShownCall } from './ladder.js';
import { QualitySection } from './quality.js';
import { RecordsSection } from './records.js';
import { type Registered, RegistrationsSection } from './registrations.js';
import {
  type Ban,
  BansSection,
  CallsSection,
  EventsSection,
  LogsSection,
  MediaSection,
  ServicesSection,
  type Status,
} from './sections.js';
import { duration, speak, spoken, verdictWord, word } from './words.js';

const LOOK_EVERY_MS = 2000;
/** Bans and registrations change slowly, and asking for them wakes the IMS. */
const LOOKS_BETWEEN_IMS = 5;

interface Calls {
  /** Not all of them are told. */
  readonly total: number;
  readonly calls: readonly CallRow[];
}

class Page {
  readonly #services = new ServicesSection((name) => void this.#order('POST', `/api/services/${name}/restart`));
  readonly #calls = new CallsSection();
  readonly #media = new MediaSection();
  readonly #ladder = new LadderDialog(ask);
  readonly #table = new CallTable((call) => this.#open(call));
  readonly #quality = new QualitySection();
  readonly #registrations = new RegistrationsSection();
  readonly #records = new RecordsSection(ask, (call) => this.#open(call));
  readonly #findings = new FindingsSection(() => void this.#check());
  readonly #bans = new BansSection((source) => void this.#order('DELETE', `/api/bans/${encodeURIComponent(source)}`));
  readonly #events = new EventsSection();
  readonly #logs = new LogsSection();
  readonly #stream = new EventSource('/api/events');
  readonly #timer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
  #looks = 0;
  #shown: readonly CallRow[] = [];

  constructor() {
    find('sections').replaceChildren(
      ...[
        this.#services,
        this.#calls,
        this.#media,
        this.#table,
        this.#quality,
        this.#findings,
        this.#registrations,
        this.#bans,
        this.#records,
        this.#events,
        this.#logs,
        this.#ladder,
      ].map(({ root }) => root),
    );
    this.#stream.addEventListener('event', ({ data }) => this.#events.add(JSON.parse(data)));
    this.#stream.addEventListener('line', ({ data }) => this.#logs.add(JSON.parse(data)));
    void this.#look();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#stream.close();
  }

  async #look(): Promise<void> {
    try {
      this.#show((await ask('GET', '/api/status')) as Status);
      complain('');
    } catch {
      complain(word('disconnected'));
      return;
    }
    // A relay of others does not tell.
    const { total, calls } = (await ask('GET', '/api/calls').catch(() => ({ total: 0, calls: [] }))) as Calls;
    this.#shown = calls;
    this.#table.show(calls);
    void this.#ladder.look(calls);
    this.#quality.show(calls, total);
    if (this.#looks % LOOKS_BETWEEN_IMS === 0) {
      const nobody: Registered = { total: 0, registrations: [] };
      this.#registrations.show(
        await ask('GET', '/api/registrations').then(
          (registered) => (registered as Registered | null) ?? nobody,
          () => nobody,
        ),
      );
      // An IMS of others has none to tell.
      this.#bans.show(
        await ask('GET', '/api/bans').then(
          (bans) => bans as Ban[],
          () => [],
        ),
      );
    }
    this.#looks += 1;
  }

  #show(status: Status): void {
    const verdict = find('verdict');
    verdict.textContent = verdictWord(status.verdict);
    verdict.className = status.verdict === 'ready' ? 'good' : status.verdict === 'starting' ? 'warn' : 'bad';
    find('about').textContent = `${status.version}, ${duration(status.uptimeMs)}, ${status.config}`;
    document.title = `${verdictWord(status.verdict)} – ims-launch`;
    this.#services.show(status);
    this.#calls.show(status);
    this.#media.show(status);
  }

  #open(call: ShownCall): void {
    void this.#ladder.open(call, this.#shown);
  }

  async #check(): Promise<void> {
    this.#findings.wait();
    try {
      this.#findings.show((await ask('POST', '/api/check')) as Check);
    } catch (error) {
      this.#findings.show({ findings: [] });
      complain(word('refused') + (error as Error).message);
    }
  }

  async #order(method: 'POST' | 'DELETE', path: string): Promise<void> {
    try {
      await ask(method, path);
      this.#looks = 0;
      await this.#look();
    } catch (error) {
      complain(word('refused') + (error as Error).message);
    }
  }
}

async function ask(method: string, path: string): Promise<unknown> {
  const response = await fetch(path, { method });
  const answer: unknown = await response.json();
  if (!response.ok) {
    throw new Error((answer as { readonly error?: string }).error ?? String(response.status));
  }
  return answer;
}

function complain(text: string): void {
  const trouble = find('trouble');
  trouble.textContent = text;
  trouble.hidden = text === '';
}

function find(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) {
    throw new Error(`the page has no #${id}`);
  }
  return found;
}

const LANGUAGE_KEY = 'language';
let page: Page | undefined;

function begin(): void {
  page?.close();
  const chosen = localStorage.getItem(LANGUAGE_KEY) ?? (navigator.language.startsWith('zh') ? 'zh' : 'en');
  speak(chosen === 'zh' ? 'zh' : 'en');
  document.documentElement.lang = spoken();
  const button = find('language');
  button.textContent = spoken() === 'en' ? '中文' : 'English';
  button.lang = spoken() === 'en' ? 'zh' : 'en';
  page = new Page();
}

find('language').addEventListener('click', () => {
  localStorage.setItem(LANGUAGE_KEY, spoken() === 'en' ? 'zh' : 'en');
  begin();
});
begin();
