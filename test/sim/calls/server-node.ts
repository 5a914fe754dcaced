/** The whole SIP server in a simulated world, with a relay that is a table of ports. */
import { DigestServer } from '../../../src/sip/auth/digest-server.ts';
import type { CallEvent, CallRecord } from '../../../src/sip/b2bua/call-record.ts';
import type { RelayCommand, RelayOutcome } from '../../../src/sip/b2bua/media-relay.ts';
import { parseMessage } from '../../../src/sip/message/parse.ts';
import { parseUri } from '../../../src/sip/message/uri.ts';
import type { SipServerEffect } from '../../../src/sip/methods/effects.ts';
import { SipServer } from '../../../src/sip/methods/server.ts';
import type { TransactionEffect } from '../../../src/sip/transaction/effects.ts';
import type { Flow } from '../../../src/sip/transaction/flow.ts';
import { TransactionLayer } from '../../../src/sip/transaction/layer.ts';
import { countedIds } from '../../unit/sip/support.ts';
import type { Address, Node, World } from './world.ts';

export const SERVER: Address = { address: '10.0.0.1', port: 5060 };
export const MEDIA_ADDRESS = '198.51.100.1';

/** A relay of the simulated world: gives ports, forgets on `delete`, can be down or lose everything. */
export class FakeRelay {
  readonly sessions = new Map<string, Map<string, number>>();
  down = false;
  commands: RelayCommand[] = [];
  #nextPort = 10_000;

  execute(command: RelayCommand): RelayOutcome {
    this.commands.push(command);
    const { callId, instance } = command.session;
    const id = `${callId}/${instance}`;
    if (this.down) {
      return { kind: 'failed', reason: 'media relay at 127.0.0.1:7722 refused: not running' };
    }
    switch (command.kind) {
      case 'publish': {
        let session = this.sessions.get(id);
        if (session === undefined && command.role === 'answer') {
          return { kind: 'lost' };
        }
        session ??= new Map();
        this.sessions.set(id, session);
        const writer = command.role === 'offer' ? command.offerer : command.offerer === 'caller' ? 'callee' : 'caller';
        return { kind: 'done', ports: command.streams.map(({ index }) => this.#port(session, `${writer} ${index}`)) };
      }
      case 'check':
        return this.sessions.has(id) ? { kind: 'done', ports: [] } : { kind: 'lost' };
      case 'delete':
        this.sessions.delete(id);
        return { kind: 'done', ports: [] };
    }
  }

  #port(session: Map<string, number>, key: string): number {
    const port = session.get(key) ?? this.#nextPort;
    if (!session.has(key)) {
      session.set(key, port);
      this.#nextPort += 2;
    }
    return port;
  }
}

export interface ServerNodeOptions {
  readonly trustedPeers: readonly string[];
  readonly users?: Readonly<Record<string, string>>;
  readonly maxCalls?: number;
  readonly maxCallsPerUser?: number;
  readonly ringTimeoutMs?: number;
  readonly sessionSeconds?: number;
  readonly followsRedirects?: boolean;
}

export class ServerNode implements Node {
  readonly at = SERVER;
  readonly layer: TransactionLayer;
  readonly server: SipServer;
  readonly relay = new FakeRelay();
  readonly events: CallEvent[] = [];
  readonly #world: World;

  constructor(world: World, options: ServerNodeOptions) {
    const ids = countedIds('s');
    this.#world = world;
    this.layer = new TransactionLayer({ ids });
    const accounts = new Map(
      Object.entries(options.users ?? {}).map(([user, password]) => [user, { user, password, isPublished: false }]),
    );
    this.server = new SipServer({
      layer: this.layer,
      digest: new DigestServer({ realm: 'sim', secret: new Uint8Array(32) }),
      b2bua: {
        ids,
        maxCalls: options.maxCalls ?? 100,
        maxCallsPerUser: options.maxCallsPerUser ?? 0,
        ringTimeoutMs: options.ringTimeoutMs ?? 180_000,
        ringGroupMs: 20_000,
        followsRedirects: options.followsRedirects ?? true,
        sessionSeconds: options.sessionSeconds ?? 1800,
        minSessionSeconds: 90,
        mediaCheckIntervalMs: 20_000,
        relayTimeoutMs: 60_000,
        mediaAddress: MEDIA_ADDRESS,
      },
      registrar: { minExpiresSeconds: 60, maxExpiresSeconds: 7200, maxBindingsPerAor: 10 },
      directory: { accounts, domains: [SERVER.address] },
      trustedPeers: options.trustedPeers,
      bans: { maxFailures: 20, windowMs: 600_000, banMs: 900_000 },
      guard: { maxFailures: 7, windowMs: 600_000, guardMs: 900_000 },
      mailboxes: { perUser: 0, keepMs: 0 },
      date: () => 'Mon, 23 Nov 2026 12:00:00 GMT',
    });
    world.add(this);
  }

  /** Puts a device into the location table, as a REGISTER from it would. */
  register(user: string, device: Address, q = 1, instance?: string, path: readonly string[] = []): void {
    const uri = parseUri(`sip:${user}@${device.address}:${device.port}`);
    if (!uri.ok) {
      throw new Error(`no URI: ${user}`);
    }
    this.server.registrar.register(this.#world.now, {
      aor: user,
      callId: `reg-${device.address}`,
      cseq: 1,
      contacts: [{ uri: uri.value, params: '', q, expires: 7200, instance }],
      expires: undefined,
      flow: this.#flowTo(device),
      path,
    });
  }

  /** The last word on each call. */
  get ended(): CallRecord[] {
    return this.events.filter((event) => event.kind === 'ended').map((event) => event.record);
  }

  /** What must be empty when all is over. */
  leftovers(): Record<string, number> {
    return {
      calls: this.server.b2bua.callCount,
      relayRequests: this.server.b2bua.pendingRelayRequests,
      relaySessions: this.relay.down ? 0 : this.relay.sessions.size,
      clients: this.layer.clientCount,
      servers: this.layer.serverCount,
      ...this.server.b2bua.tableSizes(),
    };
  }

  receive(now: number, bytes: Uint8Array, from: Address): void {
    const message = parseMessage(bytes);
    if (!message.ok) {
      throw new Error(`a peer sent what does not parse: ${JSON.stringify(message.error.code)}`);
    }
    this.do(this.layer.handleMessage(now, message.value, this.#flowTo(from)));
  }

  nextTimeoutAt(): number {
    return Math.min(this.layer.nextTimeoutAt(), this.server.nextTimeoutAt());
  }

  handleTimeout(now: number): void {
    this.do(this.layer.handleTimeout(now));
    this.do(this.server.handleTimeout(now));
  }

  do(effects: readonly (TransactionEffect | SipServerEffect)[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          this.#world.transmit(this.at, effect.flow.remote, effect.bytes);
          break;
        case 'relay': {
          // The command takes effect when it arrives, and its outcome comes later: both may cross other things.
          const { id, command } = effect;
          this.#world.after(1, () => {
            const outcome = this.relay.execute(command);
            this.#world.after(1, () => this.do(this.server.handleRelayOutcome(this.#world.now, id, outcome)));
          });
          break;
        }
        case 'call':
          this.events.push(effect.event);
          break;
        case 'registration':
        case 'mail':
        case 'denied':
        case 'guarded':
        case 'banned':
          break;
        default:
          this.do(this.server.handleTransaction(this.#world.now, effect));
      }
    }
  }

  #flowTo(remote: Address): Flow {
    return { transport: 'udp', local: this.at, remote, sentBy: this.at };
  }
}
