/** A set of relays with their sockets and one timer: who serves a session, what the log says of those that fail. */
import type { Log } from '../observe/log.ts';
import { SITUATION_CAPABILITY } from '../rtpp/capabilities.ts';
import { formatCommand } from '../rtpp/request.ts';
import type { RtppOutcome } from '../rtpp-client/outcome.ts';
import type { RetryPolicy } from '../rtpp-client/policy.ts';
import { PROBE_RETRY } from '../rtpp-client/probe.ts';
import { type MemberName, type RelaySetEffect, RelaySetEngine, type SetMember } from '../rtpp-client/relay-set.ts';
import { RELAY_SET_DEFAULTS, type RelaySetPolicy } from '../rtpp-client/relay-set-policy.ts';
import { assertNever } from '../wire/assert-never.ts';
import type { TransportAddress } from '../wire/ip-address.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { openRtppClient, type RtppClient, type RtppClientTarget } from './rtpp-client-driver.ts';

export interface RelayMember extends SetMember {
  readonly target: RtppClientTarget;
  /**
   * Address that phones are told; undefined: the one of the relay's reply, or that of its control socket. `own`: the
   * server's own address, whatever the relay says.
   */
  readonly mediaAddress: string | 'own' | undefined;
}

/** One relay of the set, as a session sees it. */
export interface PlacedRelay {
  readonly member: MemberName;
  readonly name: string;
  readonly remote: TransportAddress;
  readonly mediaAddress: RelayMember['mediaAddress'];
  /** It takes the modifier `H`, as far as is known: it may be another relay by now. */
  readonly takesSituation: boolean;
  request(command: string, retry?: Partial<RetryPolicy>): Promise<RtppOutcome>;
}

export interface RelaySetOptions {
  readonly log: Log;
  /** A relay is back on which sessions had begun: they may be gone. */
  readonly onReturn: () => void;
  /** A relay is gone on which sessions have begun, and others are left. */
  readonly onLoss: (member: MemberName) => void;
  readonly policy?: RelaySetPolicy;
}

const VERSION = formatCommand({ kind: 'version' });
const SITUATION = formatCommand({ kind: 'capability', date: SITUATION_CAPABILITY });

export class RelaySetDriver {
  readonly #options: RelaySetOptions;
  readonly #engine: RelaySetEngine;
  readonly #relays = new Map<MemberName, OpenRelay>();
  readonly #timer = new DeadlineTimer(() => this.#apply(this.#engine.handleTimeout(performance.now())));
  /** Clients of relays that have left. */
  readonly #closings = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  private constructor(options: RelaySetOptions) {
    this.#options = options;
    this.#engine = new RelaySetEngine(options.policy ?? RELAY_SET_DEFAULTS);
  }

  /** @throws ImsError IMS_ERR_RELAY_ADDRESS; nothing is left open then. */
  static async open(members: readonly RelayMember[], options: RelaySetOptions): Promise<RelaySetDriver> {
    const set = new RelaySetDriver(options);
    await set.configure(members);
    return set;
  }

  /**
   * The relays from now on; sessions stay where they are. Not to be called again before it has ended.
   * @throws ImsError IMS_ERR_RELAY_ADDRESS; everything is as before then.
   */
  async configure(members: readonly RelayMember[]): Promise<void> {
    const opened = new Map<MemberName, OpenRelay>();
    try {
      for (const member of members) {
        const known = this.#relays.get(member.name);
        opened.set(member.name, newRelay(member, known?.client ?? (await this.#open(member))));
      }
    } catch (error) {
      await Promise.all(
        [...opened].filter(([name]) => !this.#relays.has(name)).map(([, { client }]) => client.close()),
      );
      throw error;
    }
    for (const [name, relay] of opened) {
      const known = this.#relays.get(name);
      if (known === undefined) {
        this.#relays.set(name, relay);
      } else {
        known.member = relay.member;
      }
    }
    this.#apply(this.#engine.configure(performance.now(), members));
  }

  /** Whether the session has begun on a relay. */
  holds(session: string): boolean {
    return this.#engine.memberOf(session) !== undefined;
  }

  /** The name of the relay that holds the session. */
  memberOf(session: string): MemberName | undefined {
    return this.#engine.memberOf(session);
  }

  /** The session began on that relay, in an earlier run. */
  adopt(session: string, member: MemberName): void {
    this.#engine.adopt(session, member);
  }

  /** The relay that holds the session, or the only one there is. */
  holderOf(session: string): PlacedRelay | undefined {
    return this.#placed(this.#engine.memberOf(session) ?? this.#engine.alone);
  }

  /** The relay that serves the session; a new one gets a relay by weight, none of `tried`. */
  relayFor(session: string, tried?: ReadonlySet<MemberName>): PlacedRelay | undefined {
    return this.#placed(this.#engine.place(performance.now(), session, tried));
  }

  /** Another relay could be tried after this one. */
  get hasOthers(): boolean {
    return this.#engine.alone === undefined;
  }

  /** The session is over. */
  forget(session: string): void {
    this.#apply(this.#engine.forget(session));
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#timer.arm(Number.POSITIVE_INFINITY);
    await Promise.all([...[...this.#relays.values()].map(({ client }) => client.close()), ...this.#closings]);
  }

  #open({ target }: RelayMember): Promise<RtppClient> {
    return openRtppClient({ ...target, log: this.#options.log });
  }

  #placed(name: MemberName | undefined): PlacedRelay | undefined {
    const relay = name === undefined ? undefined : this.#relays.get(name);
    if (relay === undefined) {
      return undefined;
    }
    const { member, client } = relay;
    if (relay.situation === 'unknown') {
      void this.#askSituation(relay);
    }
    return {
      member: member.name,
      name: client.name,
      remote: client.remote,
      mediaAddress: member.mediaAddress,
      takesSituation: relay.situation === 'taken',
      request: (command, retry) => this.#request(member.name, client, command, retry),
    };
  }

  /** Nobody waits for it: calls work without. */
  async #askSituation(relay: OpenRelay): Promise<void> {
    relay.situation = 'asked';
    const outcome = await this.#request(relay.member.name, relay.client, SITUATION, PROBE_RETRY);
    const answer = outcome.kind === 'reply' && outcome.reply.kind === 'number' ? outcome.reply.value : undefined;
    relay.situation = outcome.kind !== 'reply' ? 'unknown' : answer === 1 ? 'taken' : 'refused';
  }

  async #request(
    member: MemberName,
    client: RtppClient,
    command: string,
    retry?: Partial<RetryPolicy>,
  ): Promise<RtppOutcome> {
    const sentAt = performance.now();
    const outcome = await client.request(command, retry);
    this.#apply(this.#engine.handleOutcome(performance.now(), member, sentAt, outcome));
    return outcome;
  }

  #apply(effects: readonly RelaySetEffect[]): void {
    if (this.#closing !== undefined) {
      // What the end of our own sockets looks like is no relay's fault.
      return;
    }
    for (const effect of effects) {
      const relay = this.#relays.get(effect.member);
      if (relay === undefined) {
        continue;
      }
      const { client } = relay;
      const remote = client.name;
      switch (effect.kind) {
        case 'check':
          void this.#request(effect.member, client, VERSION, PROBE_RETRY);
          break;
        case 'probe':
          void client.probe().then((verdict) => {
            this.#apply(this.#engine.handleVerdict(performance.now(), effect.member, verdict));
          });
          break;
        case 'disabled': {
          const { reason, left: count } = effect;
          const level = count === 0 ? 'error' : 'warn';
          this.#options.log[level]({ remote, reason, count }, DISABLED[level]);
          if (count > 0) {
            this.#options.onLoss(effect.member);
          }
          break;
        }
        case 'enabled':
          if (effect.downMs !== undefined) {
            relay.situation = 'unknown';
          }
          if (effect.downMs === undefined) {
            this.#options.log.info({ remote }, 'media relay answers: it takes calls');
            break;
          }
          this.#options.log.info({ remote, durationMs: Math.round(effect.downMs) }, 'media relay enabled again');
          if (effect.sessions > 0) {
            this.#options.onReturn();
          }
          break;
        case 'retired': {
          this.#relays.delete(effect.member);
          const closing = client.close().then(() => void this.#closings.delete(closing));
          this.#closings.add(closing);
          break;
        }
        default:
          assertNever(effect);
      }
    }
    this.#timer.arm(this.#engine.nextTimeoutAt());
  }
}

interface OpenRelay {
  member: RelayMember;
  readonly client: RtppClient;
  situation: 'unknown' | 'asked' | 'taken' | 'refused';
}

function newRelay(member: RelayMember, client: RtppClient): OpenRelay {
  return { member, client, situation: 'unknown' };
}

const DISABLED = {
  warn: 'media relay disabled: new calls go to the others',
  error: 'media relay disabled, and no other is left: calls are refused unless one answers',
} as const;
