/** ims-server as a process: configuration, signals, the channel to a supervisor. */
import type { Config } from '../../config/schema.ts';
import { ImsError } from '../../errors.ts';
import type { ServerAddress } from '../../io/server-address.ts';
import type { SupervisorMessage } from '../../observe/ipc.ts';
import { logLevelOf } from '../../observe/level.ts';
import { type Logger, openLogger } from '../../observe/logger.ts';
import { endWithSupervisor, obeySupervisor, startHeartbeat, tellSupervisor } from '../supervisor-link.ts';
import { checkedConfiguration, receiveConfiguration } from './received-configuration.ts';
import { createServer, type RunningServer } from './server.ts';

/** What a server needs to know before it starts. Under ims-launch the warnings are in its own output already. */
export interface ServerSettings {
  readonly config: Config;
  readonly address: ServerAddress;
  readonly warnings?: readonly string[];
}

/** Told at once to who asks. */
const MAX_REGISTRATIONS = 500;

/** A second signal does not wait for the farewells of the first. */
const ENDING_SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Runs until a signal or the supervisor ends it, and resolves to the exit code.
 *
 * @param settle where the configuration comes from: the supervisor, unless told
 * @throws ImsError when the server cannot start; a supervisor has been told
 */
export async function runServer(settle: () => Promise<ServerSettings> = receiveConfiguration): Promise<number> {
  let log: Logger | undefined;
  let server: RunningServer;
  try {
    const settled = await settle();
    log = openLogger({
      part: 'ims',
      level: logLevelOf(settled.config.LOG_LEVEL) ?? 'info',
      format: 'auto',
      fd: 2,
      isTty: process.stderr.isTTY === true,
    });
    for (const reason of settled.warnings ?? []) {
      log.warn({ reason }, 'configuration');
    }
    server = await createServer({ config: settled.config, address: settled.address, log });
    void tellSupervisor({ kind: 'ready', part: 'ims', details: server.details });
  } catch (error) {
    if (error instanceof ImsError) {
      await tellSupervisor({ kind: 'failed', code: error.code, message: error.message, exitCode: error.exitCode });
    }
    await log?.end();
    throw error;
  }
  try {
    return await untilEnd(server, log);
  } finally {
    log.info({}, 'IMS stopped');
    await log.end();
  }
}

/** The exit code. */
async function untilEnd(server: RunningServer, log: Logger): Promise<number> {
  const releases: (() => void)[] = [];
  const on = (event: string, listener: (...args: unknown[]) => void): void => {
    process.on(event, listener);
    releases.push(() => process.off(event, listener));
  };
  releases.push(startHeartbeat(() => ({ sessions: server.callCount })));
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
      // As for ims-launch: a closed terminal ends us, a daemon reads its files again.
      on('SIGHUP', () => {
        if (process.stdin.isTTY === true || process.stdout.isTTY === true) {
          stop(128 + 1);
        } else {
          server.rereadCertificate();
        }
      });
      // Unheard, it would make Node listen for a debugger.
      on('SIGUSR1', () => {});
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
          relayUp: (epoch) => {
            log.info({ epoch, count: server.callCount }, 'another relay serves: calls that it does not know end');
            server.relayRestarted();
          },
          answer: (question) => {
            switch (question.what) {
              case 'calls':
                return server.calls();
              case 'registrations':
                return server.registrations(MAX_REGISTRATIONS);
              case 'trace':
                return server.trace(question.call);
              case 'sip-capture':
                return server.capture(question);
              case 'bans':
                return server.bans();
              case 'certificate':
                return server.rereadCertificate();
              case 'unban':
                return server.unban(question.address);
              default:
                // A newer launcher may ask for more than this program knows.
                return undefined;
            }
          },
          configure: (message) => {
            const { config, address } = checkedConfiguration(message);
            log.level = logLevelOf(config.LOG_LEVEL) ?? log.level;
            void server.reconfigure(config, address);
          },
        }),
      );
      releases.push(
        endWithSupervisor(() => {
          log.warn({}, 'the supervisor is gone, stopping');
          stop(0);
        }),
      );
    });
  } finally {
    for (const release of releases) {
      release();
    }
  }
}
