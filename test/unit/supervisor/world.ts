/** A supervisor in virtual time, with a system around it whose every answer the test decides. */
import type { ClaimOutcome, SupervisorEffect, SupervisorEvent } from '../../../src/supervisor/events.ts';
import { RESTART_DEFAULTS } from '../../../src/supervisor/restart-policy.ts';
import type { ServiceName, SupervisorRules } from '../../../src/supervisor/state.ts';
import { Supervisor } from '../../../src/supervisor/supervisor.ts';

const SERVICE = { embedded: true, restart: 'always', successExitCodes: [], asksRest: true } as const;

export const RULES: SupervisorRules = {
  relay: { ...SERVICE, startTimeoutMs: 10_000, autoStart: true, required: false },
  ims: { ...SERVICE, startTimeoutMs: 60_000 },
  health: {
    relayIntervalMs: 2000,
    imsIntervalMs: 10_000,
    mediaIntervalMs: Number.POSITIVE_INFINITY,
    mediaOfFound: false,
    maxDegradedMs: 60_000,
    silenceMs: 15_000,
    restartsIms: false,
  },
  stopBudgetMs: 8500,
  restarts: RESTART_DEFAULTS,
  giveUp: 'exit',
  strategy: 'one_for_one',
  strictStop: false,
  purgeRelay: false,
  hasRelayHook: false,
};

/** `Omit` that keeps the members of a union apart. */
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

export class World {
  now = 1_000_000;
  /** Effects that no test has looked at yet. */
  effects: SupervisorEffect[] = [];
  readonly reports: string[] = [];
  /** Services of ours that send no heartbeat although they live. */
  readonly mute = new Set<ServiceName>();
  /** How a claim of the control port ends, at once and without a word in `effects`; undefined: the test answers. */
  claim: ClaimOutcome | undefined = 'held';
  readonly #supervisor: Supervisor;

  constructor(random: () => number = () => 0.5) {
    this.#supervisor = new Supervisor(random);
  }

  get state() {
    return this.#supervisor.state;
  }

  get phase(): string {
    return this.state.phase;
  }

  condition(service: ServiceName): string {
    return this.state[service].condition.kind;
  }

  post(event: SupervisorEvent): this {
    let claimed: number | undefined;
    for (const effect of this.#supervisor.handle(this.now, event)) {
      if (effect.kind === 'report') {
        this.reports.push(effect.event);
      } else if (effect.kind === 'claim-control' && this.claim !== undefined) {
        claimed = effect.generation;
      } else {
        this.effects.push(effect);
      }
    }
    if (claimed !== undefined && this.claim !== undefined) {
      this.post({ kind: 'control-claimed', generation: claimed, outcome: this.claim, detail: '' });
    }
    return this;
  }

  /** A fact about the present incarnation. */
  tell(event: Without<Extract<SupervisorEvent, { readonly generation: number }>, 'generation'>): this {
    const service = 'service' in event ? event.service : 'relay';
    return this.post({ ...event, generation: this.state[service].generation } as SupervisorEvent);
  }

  /** Lets time pass, with a `timeout` at each instant that the supervisor asked for. */
  advance(ms: number): this {
    const until = this.now + ms;
    for (;;) {
      const next = this.#supervisor.nextTimeoutAt();
      if (next > until) {
        break;
      }
      this.now = Math.max(this.now, next);
      this.#beat();
      this.post({ kind: 'timeout' });
      if (this.#supervisor.nextTimeoutAt() <= this.now) {
        throw new Error(`the supervisor spins: ${JSON.stringify(this.state)}`);
      }
    }
    this.now = until;
    this.#beat();
    return this;
  }

  /** As often as time is looked at, which is more often than a heartbeat is due. */
  #beat(): void {
    for (const service of ['relay', 'ims'] as const) {
      const { incarnation } = this.state[service];
      if (incarnation !== undefined && !incarnation.exited && !this.mute.has(service)) {
        this.tell({ kind: 'heartbeat', service });
      }
    }
  }

  nextTimeoutAt(): number {
    return this.#supervisor.nextTimeoutAt();
  }

  /** The effects since the last look, in a short form: `spawn relay`, `exit 0`. */
  take(): string[] {
    return this.effects.splice(0).map(shortForm);
  }

  boot(rules: SupervisorRules = RULES): this {
    this.post({ kind: 'boot' }).post({ kind: 'configured', rules });
    return this;
  }

  /** From `spawn` to readiness of an embedded or foreign service. */
  bringUp(service: ServiceName): this {
    this.tell({ kind: 'spawned', service, pid: 4000 + this.state[service].generation });
    this.tell({ kind: 'reported-ready', service });
    this.advance(200);
    this.tell({ kind: 'checked', service, outcome: 'answered', finding: '' });
    if (service === 'relay') {
      this.tell({ kind: 'media-proved', ok: true, finding: '' });
    }
    return this;
  }

  /** Boots a system with a relay of its own until it is up; the effects on the way are forgotten. */
  up(rules: SupervisorRules = RULES, claim: ClaimOutcome = 'held'): this {
    this.claim = claim;
    this.boot(rules).tell({ kind: 'relay-probed', verdict: { kind: 'absent' } });
    this.bringUp('relay').bringUp('ims').take();
    return this;
  }

  /** The leader ends, and nothing of its group is left. */
  die(service: ServiceName, exitCode: number | undefined = 1, signal?: string): this {
    const { generation } = this.state[service];
    this.tell({ kind: 'exited', service, exitCode, signal, daemonised: false });
    return this.post({ kind: 'extinct', service, generation });
  }

  exit(): Extract<SupervisorEffect, { kind: 'exit' }> | undefined {
    return this.effects.find((effect) => effect.kind === 'exit');
  }
}

function shortForm(effect: SupervisorEffect): string {
  const words: string[] = [effect.kind];
  if ('service' in effect) {
    words.push(effect.service);
  }
  if (effect.kind === 'exit') {
    words.push(String(effect.exitCode));
  }
  return words.join(' ');
}
