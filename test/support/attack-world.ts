/** Calls over the shipped ims-relay in a network of its own, where attackers have hosts of their own. */
import { randomInt } from 'node:crypto';
import type { Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import type { Poison } from '../fixtures/poison.ts';
import { isRtcp, rtcpDatagram, rtpDatagram, viewRtp } from './datagram-view.ts';
import { fixture } from './launcher.ts';
import { bindInNamespace } from './namespace-socket.ts';
import { type Host, openNetwork } from './network.ts';
import { Program } from './program.ts';
import { binary } from './project.ts';
import { type Scope, temporaryDirectory } from './scope.ts';
import { within } from './wait.ts';

export type HostName = 'relay' | 'alice' | 'bob' | 'elsewhere' | 'eve' | 'mallory' | 'trudy';

/** Parties in 198.51.100/24, attackers in 203.0.113/24: addresses of the Internet, none of which is private. */
const ADDRESSES: Readonly<Record<HostName, string>> = {
  relay: '198.51.100.1',
  alice: '198.51.100.10',
  bob: '198.51.100.20',
  elsewhere: '198.51.100.30',
  eve: '203.0.113.1',
  mallory: '203.0.113.2',
  trudy: '203.0.113.3',
};

export const ATTACKERS = ['eve', 'mallory', 'trudy'] as const;

export interface Destination {
  readonly address: string;
  readonly port: number;
}

const PACKET_MS = 20;
const REPORT_MS = 200;

export async function openAttackNetwork(scope: Scope): Promise<Record<HostName, Host>> {
  const names = Object.keys(ADDRESSES) as HostName[];
  return await openNetwork(scope, names, { addresses: ADDRESSES, onLink: '0.0.0.0/0' });
}

/** The relay, on its host. */
export class AttackedRelay {
  readonly program: Program;
  readonly minPort = 20_000;
  readonly maxPort: number;
  readonly host: Host;
  readonly #control: string;

  private constructor(program: Program, host: Host, control: string, maxPort: number) {
    this.program = program;
    this.host = host;
    this.#control = control;
    this.maxPort = maxPort;
  }

  static async start(scope: Scope, host: Host, pairs: number, ...more: string[]): Promise<AttackedRelay> {
    const control = join(await temporaryDirectory(scope), 'control');
    const maxPort = 20_000 + pairs * 2 - 1;
    const range = ['-m', '20000', '-M', `${maxPort}`];
    const program = Program.start(scope, {
      name: 'ims-relay',
      command: [
        process.execPath,
        binary('ims-relay'),
        ...['-f', '-F', '-l', host.address, '-s', `unix:${control}`],
        ...range,
        ...more,
      ],
      namespace: host.namespace,
    });
    await program.waitForLine(/relay ready/, 30_000);
    return new AttackedRelay(program, host, control, maxPort);
  }

  /** The reply without its final LF. */
  async ask(command: string): Promise<string> {
    const socket = createConnection(this.#control);
    const reply = new Promise<string>((resolve, reject) => {
      let text = '';
      socket.on('error', reject);
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        if (text.endsWith('\n')) {
          resolve(text.trimEnd());
        }
      });
      socket.on('end', () => reject(new Error(`no reply to ${command}`)));
    });
    try {
      socket.write(`${command}\n`);
      return await within(`the reply to ${command}`, 20_000, reply);
    } finally {
      socket.destroy();
    }
  }

  async grant(command: string): Promise<Destination> {
    const reply = await this.ask(command);
    const port = Number(/^([0-9]+) /.exec(reply)?.[1]);
    if (!(port > 0)) {
      throw new Error(`${command}: ${reply}`);
    }
    return { address: this.host.address, port };
  }

  async counters(...names: string[]): Promise<number[]> {
    return (await this.ask(`G ${names.join(' ')}`)).split(' ').map(Number);
  }

  get rssKib(): number {
    return Number(/^VmRSS:\s+([0-9]+)/m.exec(this.#proc('status'))?.[1]);
  }

  /** CPU time that it has used, ms: user and system, in ticks of 10 ms. */
  get cpuMs(): number {
    const fields = this.#proc('stat').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  /** `ip netns exec` has become the relay. */
  #proc(name: string): string {
    return readFileSync(`/proc/${this.program.pid}/${name}`, 'utf8');
  }
}

/** A party: talks at the pace of speech while it is told to, and knows its partner's packets from all others. */
export class Phone {
  readonly ssrc = randomInt(1, 2 ** 32);
  readonly host: Host;
  readonly port: number;
  /** Sequence numbers heard of the partner, and when the last one came. */
  readonly heard = new Set<number>();
  heardAt = Number.NEGATIVE_INFINITY;
  firstHeardAt: number | undefined;
  reports = 0;
  /** Of them, those that came to the RTP port. */
  muxedReports = 0;
  /** Packets that are not the partner's. */
  foreign = 0;
  sent = 0;
  partner: Phone | undefined;
  readonly #scope: Scope;
  readonly #paths = new Map<string, [Socket, Socket]>();
  #rtp: Socket;
  #rtcp: Socket;
  #timer: NodeJS.Timeout | undefined;

  constructor(scope: Scope, host: Host, port: number) {
    this.#scope = scope;
    this.host = host;
    this.port = port;
    [this.#rtp, this.#rtcp] = this.#open(host, port);
    scope.defer(() => this.fallSilent());
  }

  /** Goes on from another port or host, as a NAT or another network makes it. The old sockets hear on. */
  moveTo(host: Host, port: number): void {
    const key = `${host.address}:${port}`;
    const path = this.#paths.get(key) ?? this.#open(host, port);
    this.#paths.set(key, path);
    [this.#rtp, this.#rtcp] = path;
  }

  talk(to: Destination): void {
    this.fallSilent();
    const [startedAt, base] = [performance.now(), this.sent];
    let reportedAt = Number.NEGATIVE_INFINITY;
    const tick = (): void => {
      const now = performance.now();
      while (base + (now - startedAt) / PACKET_MS >= this.sent) {
        this.sendOne(to);
      }
      if (now - reportedAt >= REPORT_MS) {
        reportedAt = now;
        this.#rtcp.send(rtcpDatagram(this.ssrc, 'phone'), to.port + 1, to.address);
      }
    };
    tick();
    this.#timer = setInterval(tick, PACKET_MS / 2);
  }

  sendOne(to: Destination): void {
    const sequenceNumber = this.sent++;
    const header = { payloadType: 0, sequenceNumber, timestamp: sequenceNumber * 160, ssrc: this.ssrc };
    this.#rtp.send(rtpDatagram(header, Buffer.alloc(160, 0x2a)), to.port, to.address);
  }

  /** Something else than speech, from the RTP port. */
  sendRaw(bytes: Buffer, to: Destination): void {
    this.#rtp.send(bytes, to.port, to.address);
  }

  fallSilent(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #open(host: Host, port: number): [Socket, Socket] {
    const rtp = bindInNamespace(this.#scope, host, port);
    const rtcp = bindInNamespace(this.#scope, host, port + 1);
    rtp.on('message', (bytes: Buffer) => this.#take(bytes));
    rtcp.on('message', (bytes: Buffer) => {
      if (bytes.length >= 8 && bytes.readUInt32BE(4) === this.partner?.ssrc) {
        this.reports += 1;
      } else {
        this.foreign += 1;
      }
    });
    return [rtp, rtcp];
  }

  #take(bytes: Buffer): void {
    if (isRtcp(bytes) && bytes.readUInt32BE(4) === this.partner?.ssrc) {
      this.reports += 1;
      this.muxedReports += 1;
      return;
    }
    const view = viewRtp(bytes);
    if (view === undefined || view.ssrc !== this.partner?.ssrc) {
      this.foreign += 1;
      return;
    }
    this.heard.add(view.sequenceNumber);
    this.heardAt = performance.now();
    this.firstHeardAt ??= this.heardAt;
  }
}

export interface Call {
  readonly id: string;
  readonly alice: Phone;
  readonly bob: Phone;
  /** Where alice sends. */
  forAlice: Destination;
  forBob: Destination;
}

export interface AttackOrders {
  readonly poison: readonly Poison[];
  readonly packetsPerSecond: number;
  /** Both inclusive; the relay's whole range unless told. */
  readonly ports?: readonly [number, number];
  readonly step?: number;
  readonly seed?: number;
  readonly randomSources?: boolean;
}

/** An attacker's process on its host. */
export class Attack {
  readonly #program: Program;

  private constructor(program: Program) {
    this.#program = program;
  }

  static async start(scope: Scope, host: Host, relay: AttackedRelay, orders: AttackOrders): Promise<Attack> {
    const words = {
      from: host.address,
      port: 6000,
      target: relay.host.address,
      ports: [relay.minPort, relay.maxPort],
      step: 1,
      seed: 1,
      randomSources: false,
      ...orders,
    };
    const program = Program.start(scope, {
      name: 'attacker',
      command: fixture('attacker', JSON.stringify(words)),
      namespace: host.namespace,
    });
    await program.waitForLine(/attacking/, 30_000);
    return new Attack(program);
  }

  /** Ends it; what it sent, and what came to it: every such packet is a call overheard. */
  async end(): Promise<{ readonly sent: number; readonly received: number }> {
    this.#program.endInput();
    const line = await this.#program.waitForLine(/^\{"sent"/, 30_000);
    await this.#program.waitForExit();
    return JSON.parse(line) as { sent: number; received: number };
  }
}
