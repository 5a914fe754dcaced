/** `ims-launch` as a test starts it when it may well fail: a directory, a block of ports, and the program. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePortRange } from './ports.ts';
import { Program } from './program.ts';
import { binary, projectRoot } from './project.ts';
import { type Scope, temporaryDirectory } from './scope.ts';
import { boundUdpPorts } from './survivors.ts';

const MEDIA_PORTS = 32;

export interface LaunchPlace {
  readonly directory: string;
  readonly configPath: string;
  readonly sipPort: number;
  readonly relayPort: number;
  readonly minPort: number;
  readonly maxPort: number;
}

type Keys = Readonly<Record<string, unknown>>;

/** A free block of ports and a directory; the configuration file is written by `configure`. */
export async function choosePlace(scope: Scope): Promise<LaunchPlace> {
  const sipPort = freePortRange(2 + MEDIA_PORTS);
  const directory = await temporaryDirectory(scope);
  return {
    directory,
    configPath: join(directory, 'config.json'),
    sipPort,
    relayPort: sipPort + 1,
    minPort: sipPort + 2,
    maxPort: sipPort + 1 + MEDIA_PORTS,
  };
}

/** Writes config.json: the place's ports, and `keys`; `relay` is merged key by key. */
export async function configure(place: LaunchPlace, keys: Keys = {}): Promise<void> {
  const config = {
    SERVER_ADDR: '127.0.0.1',
    SERVER_PORT: place.sipPort,
    dataDir: join(place.directory, 'data'),
    ...keys,
    relay: {
      port: place.relayPort,
      minPort: place.minPort,
      maxPort: place.maxPort,
      ...(keys['relay'] as object | undefined),
    },
  };
  await writeFile(place.configPath, JSON.stringify(config, null, 2));
}

export interface LauncherOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** For Node itself. */
  readonly nodeArgs?: readonly string[];
}

export function startLauncher(
  scope: Scope,
  place: LaunchPlace,
  { env, args = [], nodeArgs = [] }: LauncherOptions = {},
): Program {
  return Program.start(scope, {
    name: 'ims-launch',
    command: [process.execPath, ...nodeArgs, binary('ims-launch'), '--config', place.configPath, ...args],
    cwd: place.directory,
    // A launcher that a test kills leaves its control socket behind: in the test's own directory.
    env: { XDG_RUNTIME_DIR: place.directory, ...env },
  });
}

/** A command that runs one of test/fixtures. */
export function fixture(name: string, ...args: readonly (string | number)[]): [string, ...string[]] {
  return [process.execPath, join(projectRoot, 'build', 'test', 'fixtures', `${name}.js`), ...args.map(String)];
}

/** Ports of the place that somebody holds. */
export function portsHeld({ sipPort, relayPort, minPort, maxPort }: LaunchPlace): number[] {
  return [...boundUdpPorts()].filter(
    (port) => port === sipPort || port === relayPort || (port >= minPort && port <= maxPort),
  );
}

/** The log line of an event, as the launcher prints it where there is no terminal. */
export function eventLine(event: string, service?: 'relay' | 'ims'): RegExp {
  return new RegExp(`"event":"${event}"${service === undefined ? '' : `,"service":"${service}"`}`);
}

/** A field of a JSON log line. */
export function fieldOf(line: string, field: string): unknown {
  return (JSON.parse(line) as Record<string, unknown>)[field];
}
