/** ims-server as a process: configuration, signals, the channel to a supervisor. */
import { addressQuestion } from '../config/address-question.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { ImsError } from '../errors.ts';
import { resolveServerAddress } from '../io/server-address.ts';
import type { SupervisorMessage } from '../observe/ipc.ts';
import { type Logger, openLogger } from '../observe/logger.ts';
import { logLevelOf } from '../observe/options.ts';
import { createServer, type RunningServer } from './server.ts';
import { obeySupervisor, startHeartbeat, tellSupervisor } from './supervisor-link.ts';

export interface ServerSources {
  /** `--config` */
  readonly configPath: string | undefined;
  /** Values of flags by key path. */
  readonly flags: Readonly<Record<string, unknown>>;
}

/** A second signal does not wait for the farewells of the first. */
const ENDING_SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Runs until a signal or the supervisor ends it, and resolves to the exit code.
 *
 * @throws ImsError when the server cannot start; a supervisor has been told
 */
export async function runServer(sources: ServerSources): Promise<number> {
  let log: Logger | undefined;
  let server: RunningServer;
  try {
    const loaded = loadConfig({
      path: sources.configPath,
      flags: sources.flags,
      env: process.env,
      cwd: process.cwd(),
    });
    log = openLogger({
      part: 'ims',
      level: logLevelOf(loaded.config.LOG_LEVEL) ?? 'info',
      format: 'auto',
      fd: 2,
      isTty: process.stderr.isTTY === true,
    });
    server = await start(loaded, log);
  } catch (error) {
    if (error instanceof ImsError) {
      await tellSupervisor({ kind: 'failed', code: error.code, message: error.message, exitCode: error.exitCode });
    }
    log?.flush();
    throw error;
  }
  try {
    return await untilEnd(server, log);
  } finally {
    log.info({}, 'IMS stopped');
    log.flush();
  }
}

async function start(loaded: LoadedConfig, log: Logger): Promise<RunningServer> {
  const address = await resolveServerAddress(addressQuestion(loaded));
  // Under ims-launch the same sentences stand in its own output already.
  if (!process.connected) {
    for (const reason of [...loaded.warnings, ...address.warnings]) {
      log.warn({ reason }, 'configuration');
    }
  }
  const server = await createServer({ config: loaded.config, address, log });
  void tellSupervisor({ kind: 'ready', part: 'ims', details: server.details });
  return server;
}

/** The exit code. */
async function untilEnd(server: RunningServer, log: Logger): Promise<number> {
  const releases: (() => void)[] = [];
  const on = (event: string, listener: (...args: unknown[]) => void): void => {
    process.on(event, listener);
    releases.push(() => process.off(event, listener));
  };
  releases.push(startHeartbeat(() => server.callCount));
  try {
    return await new Promise<number>((resolve) => {
      let stopping = false;
      const stop = (forcedExitCode: number): void => {
        if (stopping) {
          resolve(forcedExitCode);
          return;
        }
        stopping = true;
        log.info({ count: server.callCount }, 'stopping: calls end, new ones are refused');
        void server.close().then(() => resolve(0));
      };
      for (const [signal, number] of Object.entries(ENDING_SIGNALS)) {
        on(signal, () => {
          log.info({ signal }, 'signal received');
          stop(128 + number);
        });
      }
      on('message', (message) =>
        obeySupervisor(message as SupervisorMessage, log, {
          shutdown: () => stop(0),
          drain: () => {
            log.info({ count: server.callCount }, 'draining: no new calls, the end comes with the last one');
            void server.drain().then(() => stop(0));
          },
          relayUp: () => server.relayRestarted(),
        }),
      );
      on('disconnect', () => {
        log.warn({}, 'the supervisor is gone, stopping');
        stop(0);
      });
    });
  } finally {
    for (const release of releases) {
      release();
    }
  }
}
