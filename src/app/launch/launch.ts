/** `ims-launch start`: the parts of a run, put together and taken apart again. */
import { randomBytes } from 'node:crypto';
import { resolve as resolvePath } from 'node:path';
import type { LoadedConfig } from '../../config/load.ts';
import type { SystemStatus } from '../../control/status.ts';
import type { DashboardServer } from '../../dashboard/server.ts';
import { ERRORS, type ErrorCode, ImsError } from '../../errors.ts';
import { type PidFile, writePidFile } from '../../io/pid-file.ts';
import { SupervisorDriver } from '../../io/supervisor-driver.ts';
import type { ChildQuestion } from '../../observe/ipc.ts';
import type { LogFields } from '../../observe/log.ts';
import type { Logger } from '../../observe/logger.ts';
import type { SupervisorEvent } from '../../supervisor/events.ts';
import type { Failure, ServiceName } from '../../supervisor/state.ts';
import { packageVersion } from '../version.ts';
import { Asking } from './asking.ts';
import { Configuration } from './configuration.ts';
import { openControl } from './control.ts';
import type { ControlLock } from './control-lock.ts';
import { openDashboard } from './dashboard.ts';
import { diagnosticLines } from './diagnostic.ts';
import { type Executors, execute } from './effects.ts';
import { type LaunchFacts, launchFacts } from './facts.ts';
import { RunGuard } from './guard.ts';
import { Reports } from './reports.ts';
import { describeState, ServiceManager } from './service-manager.ts';
import { Services } from './services.ts';
import { type LaunchSources, readConfig, setUp } from './setup.ts';
import { type SignalWatch, watchSignals } from './signals.ts';
import { systemStatus, troubleOf } from './status.ts';
import { type SurroundingsWatch, watchSurroundings } from './surroundings.ts';

export interface LaunchOptions extends LaunchSources {
  /** The system is up for the first time: tell the operator how to use it. */
  readonly onReady: (facts: LaunchFacts) => void;
}

export interface LaunchEnd {
  readonly exitCode: number;
  readonly failure: { readonly message: string; readonly remedy: string } | undefined;
}

/** Runs the system until it is told to stop or cannot go on. Never rejects. */
export function launch(options: LaunchOptions): Promise<LaunchEnd> {
  return new Promise((resolve) => {
    new Launch(options, resolve).start();
  });
}

class Launch {
  readonly #options: LaunchOptions;
  readonly #resolve: (end: LaunchEnd) => void;
  readonly #runId = randomBytes(8).toString('hex');
  readonly #reports: Reports;
  readonly #log: Logger;
  readonly #driver = new SupervisorDriver(
    (effect) => execute(effect, this.#executors),
    (state) => {
      this.#manager?.handleState(state);
      this.#reports.handleState(state);
    },
  );
  readonly #services: Services;
  #signals: SignalWatch | undefined;
  readonly #configuration: Configuration;
  readonly #executors: Executors;
  #asking: Asking | undefined;
  readonly #startedAt = performance.now();
  readonly #startedTime = new Date().toISOString();
  /** The lock of the configuration, and the operator's way in. */
  #control: ControlLock | undefined;
  #pidFile: PidFile | undefined;
  #guard: RunGuard | undefined;
  #dashboard: DashboardServer | undefined;
  #surroundings: SurroundingsWatch | undefined;
  #manager: ServiceManager | undefined;
  #ended = false;

  constructor(options: LaunchOptions, resolve: (end: LaunchEnd) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reports = new Reports(options.env, options.cwd, () => this.#services);
    this.#log = this.#reports.log;
    this.#services = new Services({
      runId: this.#runId,
      env: options.env,
      log: this.#log,
      journal: this.#reports.journal,
      setup: () => this.#configuration.current,
      guard: () => this.#guard,
      post: (event) => this.#driver.post(event),
    });
    this.#configuration = new Configuration({
      sources: options,
      reports: this.#reports,
      services: this.#services,
      state: () => this.#driver.state,
      post: (event) => this.#driver.post(event),
      whileReloading: (apply) => this.#whileReloading(apply),
      crash: this.#crash,
    });
    this.#executors = {
      services: this.#services,
      reports: this.#reports,
      configuration: this.#configuration,
      asking: () => this.#theAsking(),
      post: (event) => this.#driver.post(event),
      loadConfig: () => void this.#loadConfig(),
      announce: () => this.#announce(),
      end: (exitCode, failure) => void this.#end(exitCode, failure),
    };
  }

  start(): void {
    this.#signals = watchSignals(this.#options.env, {
      stop: (signal, reason) => this.#driver.post({ kind: 'signal', signal, reason }),
      diagnose: () => this.#diagnose(),
      reload: () => void this.#configuration.reload(),
      launcherGone: () => this.#driver.post({ kind: 'launcher-gone' }),
      status: () => this.#logStatus(),
      reopenLogs: () => {
        this.#reports.reopen();
        this.#logStatus();
      },
    });
    this.#manager = ServiceManager.fromEnvironment(this.#options.env, this.#log);
    this.#surroundings = watchSurroundings(this.#options.env, this.#log);
    // The last resort: however this process ends, short of SIGKILL, no child outlives it.
    process.on('exit', this.#killEverything);
    process.on('uncaughtException', this.#crash);
    this.#driver.post({ kind: 'boot' });
  }

  async #loadConfig(): Promise<void> {
    try {
      const loaded = readConfig(this.#options);
      await this.#takeLock(loaded);
      this.#reports.configure(loaded.config);
      const { setup, client } = await setUp(loaded, this.#log);
      this.#requireLock();
      this.#asking = new Asking({
        client,
        runId: this.#runId,
        services: this.#services,
        setup: () => this.#configuration.current,
        post: (event) => this.#driver.post(event),
      });
      this.#configuration.begin(setup);
      for (const warning of setup.warnings) {
        this.#log.warn({ event: 'launch.warning', reason: warning }, warning);
      }
      const { config } = setup.loaded;
      this.#guard = new RunGuard({ config, runId: this.#runId, env: this.#options.env, log: this.#log });
      await this.#openDashboard();
      this.#driver.post({ kind: 'configured', rules: setup.rules });
    } catch (error) {
      if (!(error instanceof ImsError)) {
        this.#crash(error);
        return;
      }
      const failure = { code: error.code, message: error.message };
      this.#driver.post({ kind: 'config-failed', exitCode: error.exitCode, failure });
    }
  }

  /** Before any other look at the system: what a launcher that already runs holds is then no riddle. */
  async #takeLock({ config, path }: LoadedConfig): Promise<void> {
    const place = { configPath: path, controlPort: config.relay.port, env: this.#options.env };
    const subject = {
      state: () => this.#driver.state,
      journal: this.#reports.journal,
      drainMaxMs: () => this.#configuration.known?.loaded.config.supervisor.drainMaxMs ?? config.supervisor.drainMaxMs,
      status: () => this.#status(path),
      post: (event: SupervisorEvent) => this.#driver.post(event),
      reload: () => this.#configuration.reload(),
      ask: (service: ServiceName, question: ChildQuestion) => this.#services.ask(service, question),
    };
    this.#control = await openControl(place, subject, this.#log);
    if (config.supervisor.pidFile !== undefined) {
      this.#pidFile = writePidFile(resolvePath(this.#options.cwd, config.supervisor.pidFile));
    }
  }

  async #openDashboard(): Promise<void> {
    const parts = {
      journal: this.#reports.journal,
      state: () => this.#driver.state,
      status: () => this.#status(this.#configuration.current.loaded.path),
      post: (event: SupervisorEvent) => this.#driver.post(event),
      ask: (service: ServiceName, question: ChildQuestion) => this.#services.ask(service, question),
      asking: () => this.#theAsking(),
      dataDir: () => this.#configuration.current.loaded.config.dataDir,
    };
    this.#dashboard = await openDashboard(this.#configuration.current.loaded.config.dashboard, parts, this.#log);
    if (this.#dashboard !== undefined) {
      this.#log.info({ event: 'dashboard.open', local: this.#dashboard.url }, 'the dashboard is open');
    }
  }

  #status(configPath: string): SystemStatus {
    return systemStatus(this.#driver.state, {
      now: performance.now(),
      startedAt: this.#startedAt,
      startedTime: this.#startedTime,
      version: packageVersion(),
      configPath,
      setup: this.#configuration.known,
      relayFound: this.#asking?.relayFound,
      active: this.#services.active,
      loopLags: this.#services.loopLags,
      relayFlows: this.#services.relayFlows,
      spawns: this.#services.spawns,
      configStale: this.#configuration.isStale,
      log: this.#reports.state,
    });
  }

  #diagnose(): void {
    const status = this.#status(this.#configuration.known?.loaded.path ?? '');
    const inspect = (service: ServiceName): LogFields => this.#services.inspect(service);
    if (status.stopping === null) {
      for (const [fields, sentence] of diagnosticLines({ status, journal: this.#reports.journal, inspect })) {
        this.#log.info(fields, sentence);
      }
    }
  }

  /** Two that found the same stale socket at the same moment: the one that lost it goes. */
  #requireLock(): void {
    if (this.#control?.isHeld() === false) {
      throw new ImsError('IMS_ERR_LOCKED', 'another ims-launch took the lock of this configuration');
    }
  }

  #announce(): void {
    const { condition } = this.#driver.state.relay;
    const facts = launchFacts(this.#configuration.current, {
      relayPid: this.#services.pidOf('relay'),
      relayFound: this.#asking?.relayFound,
      relayIsThere: ['adopted', 'ready', 'unhealthy'].includes(condition.kind),
      relayTrouble: 'health' in condition ? troubleOf(condition.health) : undefined,
      relayDetails: this.#services.relayDetails,
      imsPid: this.#services.pidOf('ims'),
      imsDetails: this.#services.imsDetails,
      dashboard: this.#dashboard?.url,
    });
    this.#options.onReady(facts);
  }

  #logStatus(): void {
    this.#log.info({ event: 'launch.status', reason: describeState(this.#driver.state) }, 'state of the system');
    this.#surroundings?.look();
  }

  #whileReloading<T>(apply: () => Promise<T>): Promise<T> {
    return this.#manager === undefined ? apply() : this.#manager.whileReloading(apply);
  }

  readonly #killEverything = (): void => {
    this.#services.killAll();
  };

  /** Our own mistake: the children go first, then we say what it was. */
  readonly #crash = (error: unknown): void => {
    this.#killEverything();
    this.#services.killStrays();
    this.#log.error({ event: 'launch.crash', err: error }, 'ims-launch met a bug of its own and ends');
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    void this.#end(ERRORS.IMS_ERR_INTERNAL.exitCode, { code: 'IMS_ERR_INTERNAL', message });
  };

  async #end(exitCode: number, failure: Failure | undefined): Promise<void> {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.#signals?.close();
    this.#guard?.close();
    this.#surroundings?.close();
    this.#manager?.close();
    this.#services.close();
    await Promise.all([this.#dashboard?.close(), this.#configuration.close(), this.#asking?.close()]);
    this.#pidFile?.remove();
    this.#control?.close();
    await this.#reports.close();
    this.#resolve({ exitCode, failure: failure === undefined ? undefined : this.#explain(failure) });
  }

  #explain({ code, message }: Failure): { message: string; remedy: string } {
    const service = SERVICE_OF_ERROR[code];
    const lastWords = service === undefined ? undefined : this.#services.lastWordsOf(service);
    return { message: lastWords === undefined ? message : `${message}: ${lastWords}`, remedy: ERRORS[code].remedy };
  }

  #theAsking(): Asking {
    if (this.#asking === undefined) {
      throw new Error('asked before the configuration was read');
    }
    return this.#asking;
  }
}

const SERVICE_OF_ERROR: Partial<Record<ErrorCode, ServiceName>> = {
  IMS_ERR_RELAY_UNAVAILABLE: 'relay',
  IMS_ERR_IMS_FAILED: 'ims',
};
