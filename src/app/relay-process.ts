/** ims-relay as a process: signals, pid file, the channel to a supervisor, the user it runs as. */
import { chmodSync, chownSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ImsError } from '../errors.ts';
import type { ChildMessage, SupervisorMessage } from '../observe/ipc.ts';
import { type Logger, openLogger } from '../observe/logger.ts';
import { type LogLevel, logLevelOf } from '../observe/options.ts';
import { isLoopback } from '../wire/ip-address.ts';
import { createRelay, type RelayConfig, type RunningRelay } from './relay.ts';

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
  /** `-t` was given, which nothing here can obey. */
  readonly tosGiven: boolean;
}

/** Set for the process that `--daemon` leaves behind: the end of its parent is not the end of its work. */
export const DAEMON_ENVIRONMENT = 'IMS_RELAY_DAEMON';

const HEARTBEAT_MS = 2000;
const LAG_RESOLUTION_MS = 20;
const DEFAULT_SOCKET_MODE = 0o755;

/** Signals that end the relay at once; a second one does not wait for the first to be done. */
const ENDING_SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGUSR1: 10, SIGUSR2: 12 } as const;

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
      tell({ kind: 'failed', code: error.code, message: error.message, exitCode: 1 });
    }
    log.flush();
    throw error;
  }
  try {
    return await untilEnd(relay, log);
  } finally {
    await relay.close();
    removePidFile(options.pidFile);
    log.info({}, 'relay stopped');
    log.flush();
  }
}

async function start(options: RelayProcessOptions, log: Logger): Promise<RunningRelay> {
  complainAboutRoot(options, log);
  if (options.tosGiven) {
    log.warn({}, '-t has no effect: this plane cannot set the IP TOS; mark packets in the firewall');
  }
  if (options.nice !== undefined) {
    setNice(options.nice, log);
  }
  warnAboutEphemeralPorts(options.relay, log);
  const relay = await createRelay({ ...options.relay, log });
  try {
    writePidFile(options.pidFile, log);
    becomeUser(options, relay);
  } catch (error) {
    await relay.close();
    throw error;
  }
  tell({ kind: 'ready', part: 'relay', details: relay.details });
  return relay;
}

/** The exit code. */
async function untilEnd(relay: RunningRelay, log: Logger): Promise<number> {
  const releases: (() => void)[] = [];
  const on = (event: string, listener: (...args: unknown[]) => void): void => {
    process.on(event, listener);
    releases.push(() => process.off(event, listener));
  };
  const stopHeartbeat = startHeartbeat(relay);
  releases.push(stopHeartbeat);
  try {
    return await new Promise<number>((resolve) => {
      let ending = false;
      for (const [signal, number] of Object.entries(ENDING_SIGNALS)) {
        on(signal, () => {
          log.info({ signal }, 'signal received, stopping');
          resolve(ending ? 128 + number : 0);
          ending = true;
        });
      }
      on('SIGHUP', () => {
        log.info({ count: relay.sessionCount }, 'draining: no new sessions, the end comes with the last one');
        relay.drain();
      });
      on('message', (message) => obey(message as SupervisorMessage, relay, log, () => resolve(0)));
      if (process.env[DAEMON_ENVIRONMENT] === undefined) {
        on('disconnect', () => {
          log.warn({}, 'the supervisor is gone, stopping');
          resolve(0);
        });
      }
      void relay.drained.then(() => resolve(0));
    });
  } finally {
    for (const release of releases) {
      release();
    }
  }
}

function obey(message: SupervisorMessage, relay: RunningRelay, log: Logger, stop: () => void): void {
  switch (message?.kind) {
    case 'shutdown':
      if (message.drain) {
        relay.drain();
      } else {
        stop();
      }
      break;
    case 'log-level': {
      const level = logLevelOf(String(message.level));
      if (level !== undefined) {
        log.level = level;
      }
      break;
    }
    default:
      // Meant for another child, or from a newer supervisor.
      break;
  }
}

function startHeartbeat(relay: RunningRelay): () => void {
  if (process.send === undefined) {
    return () => {};
  }
  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  delay.enable();
  const timer = setInterval(() => {
    const lagMs = Math.max(0, delay.max / 1e6 - LAG_RESOLUTION_MS);
    delay.reset();
    tell({ kind: 'heartbeat', loopLagMs: Math.round(lagMs * 10) / 10, sessions: relay.sessionCount });
  }, HEARTBEAT_MS);
  return () => {
    clearInterval(timer);
    delay.disable();
  };
}

/** To the supervisor, if there is one that still listens. */
function tell(message: ChildMessage): void {
  if (process.connected) {
    process.send?.(message, undefined, undefined, () => {});
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

/** Media ports that the system also hands to other programs' outgoing sockets are lost to them now and then. */
function warnAboutEphemeralPorts({ minPort = 35_000, maxPort = 65_000 }: Omit<RelayConfig, 'log'>, log: Logger): void {
  const [low, high] = readNumbers('/proc/sys/net/ipv4/ip_local_port_range');
  const reserved = readText('/proc/sys/net/ipv4/ip_local_reserved_ports');
  if (low !== undefined && high !== undefined && minPort <= high && maxPort >= low && reserved === '') {
    const remedy = `sysctl -w net.ipv4.ip_local_reserved_ports=${minPort}-${maxPort}`;
    log.warn({ ports: [minPort, maxPort], reason: remedy }, 'media ports overlap the system’s own; reserve them');
  }
}

function readNumbers(path: string): number[] {
  return (readText(path) ?? '').split(/\s+/).map(Number);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function setNice(nice: number, log: Logger): void {
  try {
    setPriority(Math.min(19, nice));
  } catch (err) {
    log.warn({ err }, '--nice was not permitted');
  }
}

/** The privilege goes last: sockets and files are open by now. */
function becomeUser({ user, socketMode }: RelayProcessOptions, relay: RunningRelay): void {
  if (user === undefined) {
    return;
  }
  const [name = '', group] = user.split(':');
  try {
    const gid = group === undefined ? undefined : groupId(group);
    if (gid !== undefined) {
      for (const path of relay.socketPaths) {
        chownSync(path, process.getuid?.() ?? 0, gid);
        chmodSync(path, socketMode ?? DEFAULT_SOCKET_MODE);
      }
    }
    const newGid = gid ?? primaryGroup(name);
    process.setgroups?.([newGid]);
    process.setgid?.(newGid);
    if (name !== '') {
      process.setuid?.(name);
    }
  } catch (cause) {
    throw new ImsError('IMS_ERR_USAGE', `-u ${user}: ${(cause as Error).message}`, { cause });
  }
}

function groupId(name: string): number {
  return accountNumber('/etc/group', name, 2, 'group');
}

function primaryGroup(user: string): number {
  return accountNumber('/etc/passwd', user, 3, 'user');
}

/** A number from passwd(5) or group(5), which Node has no call for. */
function accountNumber(path: string, name: string, column: number, what: string): number {
  if (/^[0-9]+$/.test(name) && what === 'group') {
    return Number(name);
  }
  const row = (readText(path) ?? '')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([first]) => first === name);
  const number = Number(row?.[column] ?? Number.NaN);
  if (!Number.isInteger(number)) {
    throw new Error(`there is no ${what} ${name}`);
  }
  return number;
}

/** `/dev/null` means: no pid file. It must never be unlinked. */
function writePidFile(path: string | undefined, log: Logger): void {
  if (path === undefined || path === '/dev/null') {
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
  if (path !== undefined && path !== '/dev/null' && readText(path) === String(process.pid)) {
    try {
      rmSync(path);
    } catch {
      // No longer permitted after -u.
    }
  }
}
