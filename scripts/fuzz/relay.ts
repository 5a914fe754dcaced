/** The shipped ims-relay with everything switched on that a command can reach, and what it holds. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { freePortRange, freeUdpPort } from '../../test/support/ports.ts';
import { cleanEnvironment } from '../../test/support/program.ts';
import { binary } from '../../test/support/project.ts';
import { askRelay } from '../../test/support/rtpp.ts';
import { type Scope, temporaryDirectory } from '../../test/support/scope.ts';
import { processMemory, udpSocketsOf } from '../../test/support/survivors.ts';
import { waitFor, within } from '../../test/support/wait.ts';
import {
  type Conversation,
  connectionConversation,
  DatagramConversation,
  oneShotConversation,
  stdioConversation,
  type Transport,
} from './conversation.ts';

/** Pairs of media ports: few, so that they run out and are given back all the time. */
export const PAIRS = 60;

/** Sessions and prompts end by themselves, too, while the commands come. */
const TTL = ['-T', '3', '-W', '2'];

const START_MS = 30_000;

export interface Holdings {
  readonly descriptors: number;
  readonly udpPorts: number;
  readonly memoryBytes: number;
}

export class RelayUnderFuzz {
  /** What it printed last. */
  #log = '';
  readonly conversation: Conversation;
  readonly #child: ChildProcess;
  /** For questions: never fuzzed. */
  readonly #questions: number;

  private constructor(child: ChildProcess, questions: number, conversation: Conversation) {
    this.#child = child;
    this.#questions = questions;
    this.conversation = conversation;
  }

  static async start(scope: Scope, transport: Transport): Promise<RelayUnderFuzz> {
    const directory = await temporaryDirectory(scope);
    const questions = await freeUdpPort();
    const port = await freeUdpPort();
    const path = join(directory, 'control');
    const address = transport.endsWith('6') ? '::1' : '127.0.0.1';
    const control =
      transport === 'stdio'
        ? 'stdio:'
        : transport.endsWith('unix')
          ? `${transport}:${path}`
          : `${transport}:${address}:${port}`;
    const minPort = freePortRange(PAIRS * 2);
    for (const name of ['recordings', 'spool']) {
      mkdirSync(join(directory, name));
    }
    writePrompts(directory);
    await listenForNotifications(scope, join(directory, 'told'));
    const args = [
      ...['-f', '-F', '-d', 'CRIT', '-s', `udp:127.0.0.1:${questions}`, '-s', control],
      // Loopback alone: the kernel lets no packet of a socket that is bound there leave the machine.
      ...['-l', '127.0.0.1', '-l', 'two@127.0.0.2', ...TTL],
      ...['-m', `${minPort}`, '-M', `${minPort + PAIRS * 2 - 1}`],
      ...['-r', join(directory, 'recordings'), '-S', join(directory, 'spool')],
      // As the commands name them; nobody listens at the second.
      ...['-n', 'unix:told', '-n', 'unix:nobody'],
      ...(transport === 'udp' || transport === 'tcp' ? ['--ims-dialect', 'auto'] : []),
    ];
    const child = spawn(process.execPath, [binary('ims-relay'), ...args], {
      cwd: directory,
      env: cleanEnvironment(),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    scope.defer(async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    });
    const conversation = open(transport, { child, path, address, port });
    const relay = new RelayUnderFuzz(child, questions, conversation);
    scope.defer(() => conversation.close());
    child.stderr.on('data', (chunk: Buffer) => {
      relay.#log = (relay.#log + chunk.toString()).slice(-4000);
    });
    await waitFor('the relay', () => relay.ask('V').catch(() => undefined), { timeoutMs: START_MS });
    return relay;
  }

  ask(command: string): Promise<string> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
      throw new Error(`ims-relay ended (${this.#child.signalCode ?? this.#child.exitCode}):\n${this.#log}`);
    }
    return askRelay(this.#questions, command, START_MS);
  }

  holdings(): Holdings {
    const pid = this.#child.pid ?? 0;
    return {
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      udpPorts: udpSocketsOf([{ pid, command: '' }]).size,
      memoryBytes: processMemory(pid),
    };
  }

  /** What its descriptors are, for a message. */
  descriptors(): string {
    const folder = `/proc/${this.#child.pid}/fd`;
    return readdirSync(folder)
      .map((fd) => `${fd} ${readlinkSync(join(folder, fd))}`)
      .join('\n');
  }

  /** Ends it as an operator does. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    const [code] =
      this.#child.exitCode === null
        ? await within('the end of ims-relay', START_MS, once(this.#child, 'exit'))
        : [this.#child.exitCode];
    return code as number | null;
  }
}

interface Place {
  readonly child: ChildProcess;
  readonly path: string;
  readonly address: string;
  readonly port: number;
}

function open(transport: Transport, { child, path, address, port }: Place): Conversation {
  switch (transport) {
    case 'udp':
    case 'udp6':
      return new DatagramConversation(address, port);
    case 'unix':
      return oneShotConversation(path);
    case 'cunix':
      return connectionConversation({ path });
    case 'tcp':
    case 'tcp6':
      return connectionConversation({ host: address, port });
    case 'stdio':
      return stdioConversation(child.stdin as NodeJS.WritableStream, child.stdout as NodeJS.ReadableStream);
  }
}

/** Half a second of sound, as `P` of the transcripts and its mutations name it. */
function writePrompts(directory: string): void {
  for (const name of ['c1', 'prompt', 'A', '0']) {
    for (const payloadType of [0, 8, 18]) {
      writeFileSync(join(directory, `${name}.${payloadType}`), Buffer.alloc(4000, 0xff));
    }
  }
}

async function listenForNotifications(scope: Scope, path: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.resume();
  });
  server.listen(path);
  await once(server, 'listening');
  scope.defer(() => void server.close());
}
