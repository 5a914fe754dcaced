/** The questions that the supervisor has asked: who is there, does it answer, does media pass. Answers are its facts. */
import type { RtppClient } from '../../io/rtpp-client-driver.ts';
import { formatCommand } from '../../rtpp/request.ts';
import type { SupervisorEffect, SupervisorEvent } from '../../supervisor/events.ts';
import { MediaChecker } from './media-check.ts';
import { checkIms, checkRelay, probeRelay } from './questions.ts';
import type { Services } from './services.ts';
import type { LaunchSetup } from './setup.ts';

/** Deleting what a dead IMS has left is no reason to wait for long; milliseconds. */
const PURGE_LIMIT_MS = 1000;

/** A command has room for so many words. */
const COUNTERS_AT_ONCE = 16;

/** Who scrapes metrics does not wait for a relay that hangs; milliseconds. */
const COUNTERS_LIMIT_MS = 1000;

export interface AskingOptions {
  readonly client: RtppClient;
  readonly runId: string;
  readonly services: Pick<Services, 'cookiesOf'>;
  setup(): LaunchSetup;
  post(event: SupervisorEvent): void;
}

export class Asking {
  readonly #options: AskingOptions;
  readonly #media: MediaChecker;
  #relayFound: string | undefined;

  constructor(options: AskingOptions) {
    const { client, runId, setup } = options;
    const allowRemote = (): boolean => setup().loaded.config.supervisor.mediaCheckOfFound;
    this.#options = options;
    this.#media = new MediaChecker({ client, runId, allowRemote });
  }

  /** How a relay that was found described itself. */
  get relayFound(): string | undefined {
    return this.#relayFound;
  }

  async probe(generation: number): Promise<void> {
    const verdict = await probeRelay(this.#options.client);
    this.#relayFound = verdict.kind === 'rtpp' ? verdict.description : undefined;
    this.#options.post({ kind: 'relay-probed', generation, verdict });
  }

  async check({ service, generation, limitMs, ownOnly }: Extract<SupervisorEffect, { kind: 'check' }>): Promise<void> {
    const { client, services, setup, post } = this.#options;
    const found =
      service === 'ims'
        ? await checkIms(setup(), limitMs)
        : await checkRelay(client, limitMs, ownOnly ? services.cookiesOf(service, generation) : undefined);
    post({ kind: 'checked', service, generation, ...found });
  }

  async proveMedia(generation: number): Promise<void> {
    this.#options.post({ kind: 'media-proved', generation, ...(await this.#media.prove()) });
  }

  async checkMedia(generation: number): Promise<void> {
    this.#options.post({ kind: 'media-checked', generation, ...(await this.#media.check()) });
  }

  /** All sessions of the relay: the IMS that they belonged to is gone. */
  purge(): void {
    void this.#options.client.request(formatCommand({ kind: 'delete-all' }), { budgetMs: PURGE_LIMIT_MS });
  }

  /** Of the relay, by their wire names; undefined: it does not tell. */
  async relayCounters(names: readonly string[]): Promise<ReadonlyMap<string, number> | undefined> {
    const found = new Map<string, number>();
    for (let from = 0; from < names.length; from += COUNTERS_AT_ONCE) {
      const counters = names.slice(from, from + COUNTERS_AT_ONCE);
      const command = formatCommand({ kind: 'statistics', verbose: true, counters });
      const outcome = await this.#options.client.request(command, { budgetMs: COUNTERS_LIMIT_MS });
      if (outcome.kind !== 'reply' || outcome.reply.kind !== 'text') {
        return undefined;
      }
      for (const [, name = '', value] of outcome.reply.text.matchAll(/(\w+)=([0-9.]+)/g)) {
        found.set(name, Number(value));
      }
    }
    return found;
  }

  async close(): Promise<void> {
    this.#media.close();
    await this.#options.client.close();
  }
}
