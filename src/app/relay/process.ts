/** ims-relay as a process: signals, pid file, the channel to a supervisor, the user it runs as. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { ImsError } from '../../errors.ts';
import { ephemeralOverlap } from '../../io/ephemeral-ports.ts';
import { becomeUser } from '../../io/privilege.ts';
import { raiseOpenFileLimit } from '../../linux/open-file-limit.ts';
import type { SupervisorMessage } from '../../observe/ipc.ts';
import type { LogLevel } from '../../observe/level.ts';
import { type Logger, openLogger } from '../../observe/logger.ts';
import { isLoopback } from '../../wire/ip-address.ts';
import { endWithSupervisor, obeySupervisor, startHeartbeat, tellSupervisor } from '../supervisor-link.ts';
import { createRelay, DEFAULT_MAX_PORT, DEFAULT_MIN_PORT, type RelayConfig, type RunningRelay } from './relay.ts';

export interface RelayProcessOptions {
  readonly relay: Omit<RelayConfig, 'log'>;
  readonly logLevel: LogLevel;
  readonly pidFile: string | undefined;
  /** Go to the background; see `daemonise`. */
  readonly daemon: boolean;
  /** `-F` */
  readonly rootAllowed: boolean;
  /** `user[:group]` or `:group` */
  readonly user: string | undefined;
  /** Mode of unix control sockets; used with a group only. */
  readonly socketMode: number | undefined;
  readonly nice: number | undefined;
}

/** Set for the process that `--daemon` leaves behind: the end of its parent is not the end of its work. */
export const DAEMON_ENVIRONMENT = 'IMS_RELAY_DAEMON';

/** Streams told at once: what a control connection takes without a break. */
const MAX_STREAMS = 500;

const DEFAULT_SOCKET_MODE = 0o755;

/** Signals that end the relay at once. While it closes they have their default effect, so a second one kills. */
const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const;

/**
 * Runs until a signal, the supervisor or the end of a drain, and resolves to the exit code.
 *
 * @throws ImsError when the relay cannot start; a supervisor has been told
 */
export async function runRelay(options: RelayProcessOptions): Promise<number> {
  // Standard output belongs to `stdio:` replies.
  const log = openLogger({
    part: 'relay',
    level: options.logLevel,
    format: 'auto',
    fd: 2,
    isTty: process.stderr.isTTY === true,
  });
  let relay: RunningRelay;
  try {
    relay = await start(options, log);
  } catch (error) {
    if (error instanceof ImsError) {
      await tellSupervisor({ kind: 'failed', code: error.code, message: error.message, exitCode: 1 });
    }
    await log.end();
    throw error;
  }
  try {
    return await untilEnd(relay, log);
  } finally {
    await relay.close();
    removePidFile(options.pidFile);
    log.info({}, 'relay stopped');
    await log.end();
  }
}

async function start(options: RelayProcessOptions, log: Logger): Promise<RunningRelay> {
  complainAboutRoot(options, log);
  if (options.nice !== undefined) {
    setNice(options.nice, log);
  }
  const { minPort = DEFAULT_MIN_PORT, maxPort = DEFAULT_MAX_PORT } = options.relay;
  const overlap = ephemeralOverlap(minPort, maxPort);
  if (overlap !== undefined) {
    log.warn({ ports: [minPort, maxPort], remedy: overlap }, 'media ports overlap the system’s own; reserve them');
  }
  raiseOpenFileLimit();
  const relay = await createRelay({
    ...options.relay,
    log,
    // Another user has none anyway.
    dropsRights: options.user === undefined,
    onMedia: (event) => void tellSupervisor({ kind: 'media', event }),
  });
  try {
    writePidFile(options.pidFile, log);
    if (options.user !== undefined) {
      becomeUser(options.user, relay.socketPaths, options.socketMode ?? DEFAULT_SOCKET_MODE);
    }
  } catch (error) {
    await relay.close();
    throw error;
  }
  await tellSupervisor({ kind: 'ready', part: 'relay', details: relay.details });
  return relay;
}

/** The exit code. */
async function untilEnd(relay: RunningRelay, log: Logger): Promise<number> {
  const releases: (() => void)[] = [];
  const on = (event: string, listener: (...args: unknown[]) => void): void => {
    process.on(event, listener);
    releases.push(() => process.off(event, listener));
  };
  releases.push(startHeartbeat(() => ({ sessions: relay.callSessionCount, flows: relay.flows })));
  try {
    return await new Promise<number>((resolve) => {
      for (const signal of ENDING_SIGNALS) {
        on(signal, () => {
          log.info({ signal }, 'signal received, stopping');
          resolve(0);
        });
      }
      on('SIGHUP', () => {
        log.info({ count: relay.sessionCount }, 'draining: no new sessions, the end comes with the last one');
        relay.drain();
      });
      on('message', (message) =>
        obeySupervisor(message as SupervisorMessage, log, {
          shutdown: () => resolve(0),
          drain: () => relay.drain(),
          answer: (question) => {
            switch (question.what) {
              case 'streams':
                return {
                  total: relay.callSessionCount,
                  plane: relay.details.plane,
                  streams: relay.streams(MAX_STREAMS),
                };
              case 'media-capture':
                return relay.capture(question);
              default:
                // A newer launcher may ask for more than this program knows.
                return undefined;
            }
          },
          move: ({ bind, advertised }) => relay.move(bind, advertised),
        }),
      );
      if (process.env[DAEMON_ENVIRONMENT] === undefined) {
        releases.push(
          endWithSupervisor(() => {
            log.warn({}, 'the supervisor is gone, stopping');
            resolve(0);
          }),
        );
      }
      void relay.drained.then(() => resolve(0));
    });
  } finally {
    for (const release of releases) {
      release();
    }
  }
}

/** rtpproxy refuses to serve UDP control as root without `-F`; on loopback a warning is enough. */
function complainAboutRoot({ relay, rootAllowed, user }: RelayProcessOptions, log: Logger): void {
  if (process.getuid?.() !== 0 || rootAllowed || user !== undefined) {
    return;
  }
  const open = (relay.control ?? []).find((control) => /^udp6?:/.test(control) && !isLoopbackControl(control));
  if (open !== undefined) {
    throw new ImsError(
      'IMS_ERR_USAGE',
      `-s ${open} as root: anybody who reaches this port commands a root process; add -u user, or -F to accept it`,
    );
  }
  log.warn({}, 'running as root: -u user gives the privilege up, -F silences this');
}

function isLoopbackControl(control: string): boolean {
  const host = control.replace(/^udp6?:/, '').replace(/:[0-9]*$/, '');
  return host === 'localhost' || isLoopback(host);
}

function setNice(nice: number, log: Logger): void {
  try {
    setPriority(Math.min(19, nice));
  } catch (err) {
    log.warn({ err }, '--nice was not permitted');
  }
}

/** `/dev/null` means: no pid file. It must never be unlinked. */
function writePidFile(path: string | undefined, log: Logger): void {
  if (path === undefined || path === '/dev/null') {
    return;
  }
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) {
    // A pipe would be waited for until somebody reads it, a device would swallow it.
    log.warn({ path }, 'no pid file: something that is no file has its name');
    return;
  }
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (err) {
    log.warn({ path, err }, 'the pid file cannot be written');
  }
}

/** Only our own: another relay may have been started with the same path since. */
function removePidFile(path: string | undefined): void {
  if (path !== undefined && path !== '/dev/null' && readPid(path) === process.pid) {
    try {
      rmSync(path);
    } catch {
      // No longer permitted after -u.
    }
  }
}

function readPid(path: string): number | undefined {
  try {
    // A pipe of that name would be waited for.
    return statSync(path).isFile() ? Number(readFileSync(path, 'utf8')) : undefined;
  } catch {
    return undefined;
  }
}
