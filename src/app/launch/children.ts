/** The command lines and environments of the two programs that `ims-launch` starts. */
import { join } from 'node:path';
import { childEnvironment } from '../../config/environment.ts';
import type { Config } from '../../config/schema.ts';
import { formatControlAddress } from '../../io/control/address.ts';
import type { ChildCommand } from '../../io/process-driver.ts';
import { DEATH_POLICY } from '../../observe/ipc.ts';
import { type LogLevel, logLevelOf } from '../../observe/level.ts';
import type { ServiceName } from '../../supervisor/state.ts';
import { familyOf, isLoopback, type TransportAddress } from '../../wire/ip-address.ts';
import type { LaunchSetup } from './setup.ts';

/** Every process of a run carries it in its environment, and so do its descendants. */
export const RUN_COOKIE = 'IMS_LAUNCH_RUN_ID';
/** `relay-3`: the service, and how many of it were started before. */
export const GENERATION_COOKIE = 'IMS_LAUNCH_GEN';

export interface ChildContext {
  readonly setup: LaunchSetup;
  readonly runId: string;
  readonly generation: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Our own output is a terminal that shows colours. */
  readonly colour: boolean;
  /** The relay's control socket, where this process holds it. */
  readonly controlFd: number | undefined;
}

export function childCommand(service: ServiceName, context: ChildContext): ChildCommand {
  const { config } = context.setup.loaded;
  const { command, cwd, stopSignal, killMode } = config[service];
  const inherits = service === 'relay' && command === undefined ? context.controlFd : undefined;
  return {
    argv: (command as [string, ...string[]] | undefined) ?? builtIn(service, context),
    cwd,
    env: environmentOf(service, context),
    embedded: command === undefined,
    inherits: inherits === undefined ? undefined : [inherits],
    stop: { signal: stopSignal, wholeGroup: killMode === 'group' },
    cookies: [RUN_COOKIE, GENERATION_COOKIE],
  };
}

/** A command of the operator's about a service: it runs where the service does, and is of the same incarnation. */
export function helperCommand(service: ServiceName, argv: readonly string[], context: ChildContext): ChildCommand {
  const { env, ...command } = childCommand(service, context);
  return {
    ...command,
    argv: argv as [string, ...string[]],
    embedded: false,
    // Of the run, so that a sweep finds it; not of the service, which would seem to live on in it.
    env: { ...env, [GENERATION_COOKIE]: `helper-of-${env[GENERATION_COOKIE]}` },
  };
}

function builtIn(service: ServiceName, { setup, controlFd }: ChildContext): [string, ...string[]] {
  return service === 'relay'
    ? [process.execPath, ...relayV8Flags(), programPath('ims-relay'), ...relayArguments(setup, controlFd !== undefined)]
    : [process.execPath, ...serverV8Flags(), programPath('ims-server'), '--from-supervisor'];
}

/**
 * Memory that shows the load, not V8's patience. The young generation has its full size from the start, so most of what
 * a message leaves behind dies there; the old one is collected long before it has doubled.
 * Otherwise the first thousand calls look like a leak to whoever watches the process.
 *
 * @param semiSpaceMib of each thread. The relay's media threads leave nothing behind, and would fill a large one for
 *   half an hour before they collect it; ims-server is one thread that makes much of every call.
 * @param growingPercent the old generation may grow by so much before it is collected
 */
function v8Flags(semiSpaceMib: number, growingPercent: number): string[] {
  const size = String(semiSpaceMib);
  return [`--min-semi-space-size=${size}`, `--max-semi-space-size=${size}`, `--heap-growing-percent=${growingPercent}`];
}

/** Of Node, for ims-relay. */
export function relayV8Flags(): string[] {
  return v8Flags(2, 25);
}

/** Of Node, for ims-server. A quarter would cost a tenth of its time: a call is remembered for 32 s after its end. */
export function serverV8Flags(): string[] {
  return v8Flags(16, 60);
}

/** The programs lie beside the one that runs: build/src/bin/. */
export function programPath(name: 'ims-launch' | 'ims-relay' | 'ims-server'): string {
  return join(import.meta.dirname, '..', '..', 'bin', `${name}.js`);
}

/** The first descriptor beside standard input, output and error. */
const FIRST_INHERITED_FD = 3;

/** What `ims-relay` is started with. `inheritsControl`: its control socket is the first descriptor that it inherits. */
export function relayArguments(
  { loaded: { config }, address, control }: Pick<LaunchSetup, 'loaded' | 'address' | 'control'>,
  inheritsControl = false,
): string[] {
  const { relay } = config;
  return [
    '-f',
    '-F',
    ...['-l', address.bind],
    ...(inheritsControl ? [`--control-fd=${FIRST_INHERITED_FD}`] : ['-s', controlArgument(control)]),
    ...controlFrom(control.address, relay).flatMap((who) => ['--control-from', who]),
    ...['-m', String(relay.minPort)],
    ...['-M', String(relay.maxPort)],
    ...['-T', String(relay.timeoutSeconds)],
    ...(relay.timeoutEachParty ? ['-i'] : []),
    `--hold-ttl=${relay.holdTimeoutSeconds}`,
    ...(relay.maxSessionSeconds === 0 ? [] : [`--max-lifetime=${relay.maxSessionSeconds}`]),
    ...['-d', relayLevel(config)],
    ...(address.advertised === address.bind ? [] : ['-A', address.advertised]),
    `--latching=${relay.latching}`,
    `--ims-dialect=${relay.imsDialect}`,
    `--plane=${relay.plane}`,
    ...recordingArguments(relay),
    ...relay.notify.flatMap((target) => ['-n', target]),
  ];
}

/** A control socket beyond loopback is this machine's alone, unless the operator names others. */
function controlFrom(address: string, { controlFrom: others }: Config['relay']): readonly string[] {
  return isLoopback(address) ? others : [address, ...others];
}

function recordingArguments(relay: Config['relay']): string[] {
  const { recordingDirectory, spoolDirectory, recordingFormat, recordEverySession } = relay;
  return recordingDirectory === undefined
    ? []
    : [
        ...['-r', recordingDirectory],
        ...(spoolDirectory === undefined ? [] : ['-S', spoolDirectory]),
        ...(recordingFormat === 'pcap' ? ['-P'] : []),
        ...(recordEverySession ? ['-a'] : []),
      ];
}

function controlArgument({ address: host, port }: TransportAddress): string {
  return formatControlAddress({ kind: 'udp', family: familyOf(host) ?? 4, host, port });
}

const RTPPROXY_LEVELS = {
  trace: 'DBUG',
  debug: 'DBUG',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERR',
} as const satisfies Record<LogLevel, string>;

function relayLevel(config: Config): string {
  return RTPPROXY_LEVELS[logLevelOf(config.LOG_LEVEL) ?? 'info'];
}

/** What a service manager or npm told us is meant for us alone. */
const NOT_INHERITED = /^(?:NOTIFY_SOCKET$|WATCHDOG_|LISTEN_|npm_|NODE_CHANNEL_|IMS_LAUNCH_PARENT_WATCH$)/;

function environmentOf(service: ServiceName, { setup, runId, generation, env, colour }: ChildContext) {
  const { loaded, address } = setup;
  const inherited = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !NOT_INHERITED.test(entry[0]),
  );
  return {
    // Defaults that the operator's own environment overrides.
    PYTHONUNBUFFERED: '1',
    ...(service === 'ims' ? { MEDIA_RELAY_BACKEND: 'rtpproxy' } : {}),
    ...(colour && env['NO_COLOR'] === undefined && loaded.config[service].command !== undefined
      ? { FORCE_COLOR: '1' }
      : {}),
    ...Object.fromEntries(inherited),
    ...(service === 'ims' ? childEnvironment(loaded, address.advertised) : {}),
    ...loaded.config[service].env,
    [DEATH_POLICY]: loaded.config.supervisor.onSupervisorDeath,
    [RUN_COOKIE]: runId,
    [GENERATION_COOKIE]: `${service}-${generation}`,
  };
}
