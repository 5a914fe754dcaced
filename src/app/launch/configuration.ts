/** The configuration while the system runs: what is in force, and what becomes of a file that has changed. */
import { FileWatch } from '../../io/file-watch.ts';
import type { CertificateLook } from '../../observe/ipc.ts';
import type { SupervisorEvent } from '../../supervisor/events.ts';
import type { ServiceName, SupervisorState } from '../../supervisor/state.ts';
import { Reconfiguration } from './reconfigure.ts';
import { ConfigReloader, type ReloadOutcome } from './reload.ts';
import type { Reports } from './reports.ts';
import type { Services } from './services.ts';
import { type LaunchSetup, type LaunchSources, readConfig } from './setup.ts';

export interface ConfigurationOptions {
  readonly sources: LaunchSources;
  readonly reports: Reports;
  readonly services: Pick<Services, 'tell' | 'signal' | 'ask'>;
  state(): SupervisorState;
  post(event: SupervisorEvent): void;
  /** Whoever wants to know that a reload is under way is told around `apply`. */
  whileReloading<T>(apply: () => Promise<T>): Promise<T>;
  /** A bug of our own, met while the file was read. */
  crash(error: unknown): void;
}

export class Configuration {
  readonly #options: ConfigurationOptions;
  readonly #reconfiguration: Reconfiguration;
  #setup: LaunchSetup | undefined;
  #reloader: ConfigReloader | undefined;
  #fileWatch: FileWatch | undefined;
  /** Of the accounts' own file, which is elsewhere when `dataDir` changes. */
  #usersWatch: { readonly path: string; readonly watch: FileWatch } | undefined;

  constructor(options: ConfigurationOptions) {
    const { reports, services, state, post } = options;
    this.#options = options;
    this.#reconfiguration = new Reconfiguration({
      setup: () => this.current,
      adopt: (setup) => this.#adopt(setup),
      state,
      services,
      post,
      note: reports.note,
    });
  }

  /** What is in force; undefined until the file has been read for the first time. */
  get known(): LaunchSetup | undefined {
    return this.#setup;
  }

  /** The same for those who are asked after that only: nothing but `load-config` comes before `configured`. */
  get current(): LaunchSetup {
    if (this.#setup === undefined) {
      throw new Error('asked before the configuration was read');
    }
    return this.#setup;
  }

  /** The file holds something else, which was refused. */
  get isStale(): boolean {
    return this.#reloader?.stale ?? false;
  }

  /** The first one, whose file is watched from now on. */
  begin(setup: LaunchSetup): void {
    const { sources, reports, state, whileReloading } = this.#options;
    this.#adopt(setup);
    const reloader = new ConfigReloader({
      initial: setup.loaded,
      read: () => readConfig(sources),
      apply: (next) => whileReloading(() => this.#reconfiguration.apply(next)),
      isStopping: () => state().stop !== undefined,
      note: reports.note,
    });
    this.#reloader = reloader;
    this.#fileWatch = new FileWatch(setup.loaded.path, { changed: () => this.#look() }, reports.log);
    this.#watchUsers(setup.loaded.usersPath);
  }

  /** When somebody asks for it; a change of the file itself is seen by the watch. */
  async reload(): Promise<(ReloadOutcome & { readonly certificate?: CertificateLook }) | undefined> {
    try {
      const outcome = await this.#options.whileReloading(async () => this.#reloader?.reload(true));
      const certificate = await this.#lookAtCertificate();
      return outcome && { ...outcome, ...(certificate !== undefined && { certificate }) };
    } catch (error) {
      this.#options.crash(error);
      return undefined;
    }
  }

  /** Undefined: the IMS has none, or cannot be asked. */
  async #lookAtCertificate(): Promise<CertificateLook | undefined> {
    const { tlsPort, wssPort } = this.#setup?.loaded.config.ims ?? { tlsPort: null, wssPort: null };
    if (tlsPort === null && wssPort === null) {
      return undefined;
    }
    // One that is being restarted reads it anyway.
    const answer = this.#options.services.ask('ims', { what: 'certificate' }).catch(() => undefined);
    return (await answer) as CertificateLook | undefined;
  }

  /** The service failed for good with the changed configuration. */
  rollBack(service: ServiceName): void {
    const former = this.#reconfiguration.rollBack(service);
    if (former !== undefined) {
      this.#reloader?.revert(former);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#fileWatch?.close(), this.#usersWatch?.watch.close()]);
  }

  #look(): void {
    this.#reloader?.reload(false).catch(this.#options.crash);
  }

  #watchUsers(path: string): void {
    if (this.#usersWatch?.path === path) {
      return;
    }
    void this.#usersWatch?.watch.close();
    // Others write beside it all the time, and would wake us: it is looked at every second.
    const watch = new FileWatch(path, { changed: () => this.#look() }, this.#options.reports.log, { isPolled: true });
    this.#usersWatch = { path, watch };
  }

  /** What holds from now on, also for programs that start. */
  #adopt(setup: LaunchSetup): void {
    const { reports } = this.#options;
    this.#setup = setup;
    if (this.#usersWatch !== undefined) {
      this.#watchUsers(setup.loaded.usersPath);
    }
    try {
      reports.configure(setup.loaded.config);
    } catch (error) {
      reports.log.error({ event: 'log.file', err: error }, 'the log goes on as before');
    }
  }
}
