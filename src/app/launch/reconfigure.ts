/** A new configuration, applied to the system that runs; and taken back when a program cannot live with it. */
import type { LoadedConfig } from '../../config/load.ts';
import type { SupervisorEvent } from '../../supervisor/events.ts';
import { isUnproved } from '../../supervisor/reconfigure.ts';
import type { ServiceName, SupervisorState } from '../../supervisor/state.ts';
import type { Note, ReloadEffects } from './reload.ts';
import { changedKeys, describeChange, planReload, type ReloadPlan, withKept } from './reload-plan.ts';
import type { Services } from './services.ts';
import { type LaunchSetup, reconfigure } from './setup.ts';

export interface ReconfigurationSubject {
  setup(): LaunchSetup;
  /** What is in force from now on, and what programs that start are told. */
  adopt(setup: LaunchSetup): void;
  state(): SupervisorState;
  readonly services: Pick<Services, 'tell' | 'signal'>;
  post(event: SupervisorEvent): void;
  readonly note: Note;
}

export class Reconfiguration {
  readonly #subject: ReconfigurationSubject;
  /** What was in force before the first change that a service still has to show it can live with. */
  #fallback: LaunchSetup | undefined;
  /** Keys that were said to wait for the next start. */
  readonly #told = new Set<string>();

  constructor(subject: ReconfigurationSubject) {
    this.#subject = subject;
  }

  /** @throws ImsError IMS_ERR_ADDRESS; nothing has changed then */
  async apply(loaded: LoadedConfig): Promise<ReloadEffects> {
    const { setup, state, note } = this.#subject;
    const former = setup();
    const plan = planReload(former.loaded.config, loaded.config, {
      relayIsOurs: state().relay.condition.kind !== 'adopted',
    });
    const config = withKept(former.loaded.config, loaded.config, plan.pending);
    const next = await reconfigure(former, { ...loaded, config }, plan.addressChanged);
    for (const reason of next.warnings.filter((each) => !former.warnings.includes(each))) {
      note('warn', { event: 'reload.warning', reason }, reason);
    }
    this.#report(former, loaded, plan);
    if (!isUnproved(state())) {
      this.#fallback = former;
    }
    this.#putInForce(former, next, plan, false);
    const services = (whenIdle: boolean): ServiceName[] =>
      plan.restarts.filter((restart) => restart.whenIdle === whenIdle).map(({ service }) => service);
    const { live, pending, refused } = plan;
    return { live, pending, refused, restarting: services(false), whenIdle: services(true) };
  }

  /** The service failed for good with the changed configuration. Returns the configuration that is in force again. */
  rollBack(service: ServiceName): LoadedConfig | undefined {
    const former = this.#fallback;
    if (former === undefined) {
      return undefined;
    }
    this.#fallback = undefined;
    const bad = this.#subject.setup();
    const key = changedKeys(bad.loaded.config, former.loaded.config);
    const sentence = 'a service cannot work with the changed configuration: the one before is in force again';
    this.#subject.note('error', { event: 'reload.rolledBack', service, key }, sentence);
    const plan = planReload(bad.loaded.config, former.loaded.config, {
      relayIsOurs: this.#subject.state().relay.condition.kind !== 'adopted',
    });
    const others = plan.restarts.filter((restart) => restart.service !== service);
    const restarts = [...others, { service, whenIdle: false }];
    this.#putInForce(bad, former, { ...plan, restarts }, true);
    return former.loaded;
  }

  #putInForce(former: LaunchSetup, next: LaunchSetup, plan: ReloadPlan, rollback: boolean): void {
    const { adopt, services, post } = this.#subject;
    const { config } = next.loaded;
    adopt(next);
    const { bind, advertised } = next.address;
    if (bind !== former.address.bind || advertised !== former.address.advertised) {
      services.tell('relay', { kind: 'address', bind, advertised });
    }
    if (plan.concernsIms) {
      services.tell('ims', { kind: 'config', config, address: next.address });
      if (config.ims.command !== undefined && config.ims.reloadSignal !== undefined && !rollback) {
        services.signal('ims', config.ims.reloadSignal);
      }
    }
    post({
      kind: 'reconfigured',
      rules: next.rules,
      restarts: plan.restarts,
      idleLimitMs: config.supervisor.drainMaxMs,
      revocable: config.reload.rollbackOnFailure,
      rollback,
    });
  }

  #report(former: LaunchSetup, loaded: LoadedConfig, { pending, refused, keys }: ReloadPlan): void {
    const { note } = this.#subject;
    const changeOf = (some: readonly string[]): string =>
      some.map((key) => describeChange(former.loaded.config, loaded.config, key)).join('; ');
    const applied = keys.filter((key) => !pending.includes(key) && !refused.includes(key));
    if (applied.length > 0) {
      const fields = { event: 'reload.applied', key: applied, reason: changeOf(applied) };
      note('info', fields, 'configuration applied');
    }
    const news = pending.filter((key) => !this.#told.has(key));
    if (news.length > 0) {
      const sentence = 'the configuration changed; restart ims-launch to apply it';
      note('warn', { event: 'reload.pending', key: news, reason: changeOf(news) }, sentence);
    }
    this.#told.clear();
    for (const key of pending) {
      this.#told.add(key);
    }
    if (refused.length > 0) {
      const sentence = 'the relay was found running: it keeps the settings that it was started with';
      note('warn', { event: 'reload.refused', key: refused, reason: changeOf(refused) }, sentence);
    }
  }
}
