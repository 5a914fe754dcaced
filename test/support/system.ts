/** The whole system as a user starts it, on 127.0.0.1 with ports of its own. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CallDetailRecord } from '../../src/store/call-detail-record.ts';
import { freePortRange } from './ports.ts';
import { Program } from './program.ts';
import { binary } from './project.ts';
import { activeSessions } from './rtpp.ts';
import { type Scope, temporaryDirectory } from './scope.ts';
import { udpSockets, udpSocketsOf } from './survivors.ts';
import { waitFor } from './wait.ts';

/** What ims-launch prints once, when relay and IMS both work. */
export const READY_LINE = /^ims-launch \S+ is ready$/;

/** Ports of the media range: enough for a few calls, few enough to see a leak. */
const MEDIA_PORTS = 64;

/** Where a system under test lives. */
export interface Place {
  readonly directory: string;
  readonly sipPort: number;
  readonly relayPort: number;
  readonly minPort: number;
  readonly maxPort: number;
}

type Keys = Readonly<Record<string, unknown>>;

export interface SystemOptions {
  /** Keys of config.json besides the test's own; a function is told the ports. `relay` is merged key by key. */
  readonly config?: Keys | ((place: Place) => Promise<Keys>);
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of ims-launch after `--config`. */
  readonly args?: readonly string[];
}

export interface System extends Place {
  readonly launcher: Program;
  /** The record of the only call, once it is written. */
  cdr(): Promise<CallDetailRecord>;
  /** After a call: the relay holds no session. */
  expectNoSessions(): Promise<void>;
  /** SIGTERM; everything of it must be gone afterwards. */
  stop(): Promise<void>;
}

/** Resolves when the system says that it is ready. */
export async function startSystem(scope: Scope, options: SystemOptions = {}): Promise<System> {
  const place = await choosePlace(scope);
  const { directory, sipPort, relayPort, minPort, maxPort } = place;
  const path = join(directory, 'config.json');
  const extra = typeof options.config === 'function' ? await options.config(place) : options.config;
  const config = {
    SERVER_ADDR: '127.0.0.1',
    SERVER_PORT: sipPort,
    USERS: { 1001: '1234', 1002: '1234', 1003: '1234' },
    dataDir: join(directory, 'data'),
    ...extra,
    relay: { port: relayPort, minPort, maxPort, ...(extra?.['relay'] as object | undefined) },
  };
  await writeFile(path, JSON.stringify(config, null, 2));
  const launcher = Program.start(scope, {
    name: 'ims-launch',
    command: [process.execPath, binary('ims-launch'), '--config', path, ...(options.args ?? [])],
    cwd: directory,
    // A launcher that a test kills leaves its control socket behind: in the test's own directory.
    env: { XDG_RUNTIME_DIR: directory, ...options.env },
  });
  await launcher.waitForLine(READY_LINE, 30_000);

  return {
    ...place,
    launcher,
    cdr: async () => {
      const cdr = await waitFor('the CDR', async () => (await readCdrs(config.dataDir))[0]);
      assert.equal((await readCdrs(config.dataDir)).length, 1, 'one CDR a call');
      return cdr;
    },
    expectNoSessions: async () => {
      await waitFor('a relay without sessions', async () => (await activeSessions(relayPort)) === 0);
    },
    stop: async () => {
      const held = udpSocketsOf(launcher.processes());
      assert.ok(held.size > 0, 'the system holds UDP ports while it runs');
      launcher.signal('SIGTERM');
      const { code, signal } = await launcher.waitForExit();
      assert.equal(signal ?? code, 0, `ims-launch ended with ${signal ?? code}:\n${launcher.output}`);
      const still = udpSockets();
      const left = [...held].filter(([inode]) => still.has(inode)).map(([, port]) => port);
      assert.deepEqual(left, [], 'UDP ports still bound after the stop');
    },
  };
}

/** One free block: SIP, control socket, media. */
async function choosePlace(scope: Scope): Promise<Place> {
  const first = freePortRange(2 + MEDIA_PORTS);
  return {
    directory: await temporaryDirectory(scope),
    sipPort: first,
    relayPort: first + 1,
    minPort: first + 2,
    maxPort: first + 1 + MEDIA_PORTS,
  };
}

async function readCdrs(dataDir: string): Promise<CallDetailRecord[]> {
  const directory = join(dataDir, 'cdr');
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith('.jsonl'));
  const texts = await Promise.all(names.sort().map((name) => readFile(join(directory, name), 'utf8')));
  return texts
    .join('')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as CallDetailRecord);
}
