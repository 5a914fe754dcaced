/** The B2BUA's media relay, spoken to in RTPP. */
import { createHash } from 'node:crypto';
import type { PlacedRelay, RelaySetDriver } from '../../io/relay-set-driver.ts';
import type { Log } from '../../observe/log.ts';
import { formatCommand, type RtppRequest } from '../../rtpp/request.ts';
import { describeOutcome, type RtppOutcome } from '../../rtpp-client/outcome.ts';
import type { RetryPolicy } from '../../rtpp-client/policy.ts';
import { FAILOVER_BUDGET_MS, MAX_ATTEMPTS, mayTryAnother } from '../../rtpp-client/relay-set-policy.ts';
import type { RelayCommand, RelayOutcome, RelaySession, RelayStream, Side } from '../../sip/b2bua/media-relay.ts';
import type { CdrStream } from '../../store/call-detail-record.ts';
import { familyOf, isLoopback, isWildcard } from '../../wire/ip-address.ts';
import type { Figures } from './call-figures.ts';
import { askFigures } from './direction-figures.ts';

/** RTPP: no such session; no local address of the wanted family. */
const NO_SUCH_SESSION = 50;
const NO_SUCH_FAMILY = 36;
/** A modifier that the relay does not know. */
const UNKNOWN_MODIFIER = 35;

/** A record waits for no relay longer than this. */
const FIGURES_RETRY: Partial<RetryPolicy> = { firstMs: 200, budgetMs: 500 };

type Publish = RelayCommand & { kind: 'publish' };

/** What the B2BUA's commands need of the relays. */
export type MediaRelays = Pick<
  RelaySetDriver,
  'holds' | 'holderOf' | 'memberOf' | 'adopt' | 'relayFor' | 'hasOthers' | 'forget'
>;

export class RtppMediaRelay {
  readonly #relays: MediaRelays;
  readonly #log: Log;

  constructor(relays: MediaRelays, log: Log) {
    this.#relays = relays;
    this.#log = log;
  }

  /** Which of the relays serves the session. */
  memberOf(session: RelaySession): string | undefined {
    return this.#relays.memberOf(relayCallId(session));
  }

  /** The session of an earlier run is on that relay. */
  adopt(session: RelaySession, member: string): void {
    this.#relays.adopt(relayCallId(session), member);
  }

  /** Never rejects. The streams of one command are asked about all at once. */
  async execute(command: RelayCommand): Promise<RelayOutcome> {
    const outcome = await this.#execute(command);
    if (outcome.kind === 'failed') {
      const { callId } = command.session;
      // While a relay is away every call asks for it again and again: one that mattered is told by its call's end.
      const level = command.kind === 'check' ? 'debug' : 'warn';
      this.#log[level]({ callId, command: command.kind, reason: outcome.reason }, 'the media relay did not do it');
    }
    return outcome;
  }

  /** Which relay serves the session, and what it has counted of those m-lines. Never rejects. */
  async figures(session: RelaySession, streams: readonly number[]): Promise<Figures> {
    const relay = this.#relays.holderOf(relayCallId(session));
    if (relay === undefined) {
      return {};
    }
    const ask = (query: RtppRequest) => request(relay, query, FIGURES_RETRY);
    const told = await Promise.all(
      streams.map(async (index): Promise<CdrStream[]> => {
        const [caller, callee] = [partyOf(session, 'caller', { index }), partyOf(session, 'callee', { index })];
        const both = await askFigures(ask, caller, callee, relay.takesSituation);
        return both === undefined ? [] : [{ stream: index + 1, ...both }];
      }),
    );
    const media = told.flat();
    return { relay: relay.name, ...(media.length > 0 && { media }) };
  }

  async #execute(command: RelayCommand): Promise<RelayOutcome> {
    const session = relayCallId(command.session);
    switch (command.kind) {
      case 'publish':
        return command.role === 'offer' && !this.#relays.holds(session)
          ? this.#begin(session, command)
          : this.#on(this.#relays.relayFor(session), (relay) => this.#publish(relay, command));
      case 'check':
        return this.#on(this.#relays.holderOf(session), (relay) => this.#check(relay, command));
      case 'delete': {
        const relay = this.#relays.holderOf(session);
        this.#relays.forget(session);
        return relay === undefined ? { kind: 'done', ports: [] } : this.#delete(relay, command.session);
      }
    }
  }

  /** The first offer: a relay that has no room, or does not answer, is no reason to refuse a call that another can take. */
  async #begin(session: string, command: Publish): Promise<RelayOutcome> {
    const tried = new Set<string>();
    let outcome: RelayOutcome = NO_RELAY;
    while (tried.size < MAX_ATTEMPTS) {
      const relay = this.#relays.relayFor(session, tried);
      if (relay === undefined) {
        break;
      }
      tried.add(relay.member);
      const retry = this.#relays.hasOthers ? { budgetMs: FAILOVER_BUDGET_MS } : undefined;
      const answers = await this.#publishAnswers(relay, command, retry);
      outcome = this.#published(relay, answers);
      if (outcome.kind !== 'failed' || !answers.some(mayWorkElsewhere) || !this.#relays.hasOthers) {
        return outcome;
      }
      this.#log.info({ callId: session, remote: relay.name, reason: outcome.reason }, 'another media relay is tried');
      if (!answers.every(({ kind }) => kind === 'refused')) {
        // What it may hold already, or may still begin when it wakes up. Nobody waits for that.
        void this.#delete(relay, command.session);
      }
    }
    this.#relays.forget(session);
    return outcome;
  }

  #on(relay: PlacedRelay | undefined, act: (relay: PlacedRelay) => Promise<RelayOutcome>): Promise<RelayOutcome> {
    return relay === undefined ? Promise.resolve(NO_RELAY) : act(relay);
  }

  async #publish(relay: PlacedRelay, command: Publish): Promise<RelayOutcome> {
    return this.#published(relay, await this.#publishAnswers(relay, command));
  }

  /** `U` for an offer, `L` for an answer: both name the offerer first, and the writer's address (RTPP 2.3). */
  #publishAnswers(relay: PlacedRelay, command: Publish, retry?: Partial<RetryPolicy>): Promise<RtppOutcome[]> {
    return Promise.all(
      command.streams.map((stream) => {
        const { address, port } = stream;
        const party = partyOf(command.session, command.offerer, stream);
        const kind = command.role === 'offer' ? 'update' : 'lookup';
        const modifiers = stream.family === 6 ? ({ family: 6 } as const) : {};
        const plain = { kind, ...party, peer: { address, port }, modifiers } as const;
        const situation = { held: stream.held === true, ringing: command.ringing };
        return relay.takesSituation
          ? requestWithout(relay, { ...plain, modifiers: { ...modifiers, situation } }, plain, retry)
          : request(relay, plain, retry);
      }),
    );
  }

  #published(relay: PlacedRelay, outcomes: readonly RtppOutcome[]): RelayOutcome {
    const ports: number[] = [];
    let told: string | undefined;
    for (const outcome of outcomes) {
      if (outcome.kind !== 'reply' || outcome.reply.kind !== 'number') {
        return isUnknown(outcome) ? { kind: 'lost' } : failed(relay, outcome);
      }
      if (outcome.reply.value === 0) {
        return { kind: 'lost' };
      }
      ports.push(outcome.reply.value);
      told ??= outcome.reply.address;
    }
    const address = mediaAddressOf(relay, told);
    return { kind: 'done', ports, ...(address !== undefined && { address }) };
  }

  /** Failed: no stream's question was answered. Lost is a call none of whose streams is known: a rejected stream's session ends earlier than the call. */
  async #check(relay: PlacedRelay, command: RelayCommand & { kind: 'check' }): Promise<RelayOutcome> {
    const outcomes = await Promise.all(
      command.streams.map((stream) =>
        request(relay, { kind: 'query', ...partyOf(command.session, command.offerer, stream) }),
      ),
    );
    const [first] = outcomes;
    if (first !== undefined && outcomes.every(({ kind }) => kind !== 'reply')) {
      return failed(relay, first);
    }
    return outcomes.every(isUnknown) ? { kind: 'lost' } : { kind: 'done', ports: [] };
  }

  async #delete(relay: PlacedRelay, session: RelaySession): Promise<RelayOutcome> {
    const { callerTag, calleeTag } = session;
    const parties = { callId: relayCallId(session), fromTag: safeId(callerTag), toTag: safeId(calleeTag) };
    const outcome = await request(relay, { kind: 'delete', ...parties });
    return isUnknown(outcome) || outcome.kind === 'reply' ? { kind: 'done', ports: [] } : failed(relay, outcome);
  }
}

const NO_RELAY: RelayOutcome = { kind: 'failed', reason: 'no media relay is left for this call' };

function request(relay: PlacedRelay, command: RtppRequest, retry?: Partial<RetryPolicy>): Promise<RtppOutcome> {
  return relay.request(formatCommand(command), retry);
}

/** The relay was replaced by one that knows less: the same again in words that every relay knows. */
async function requestWithout(
  relay: PlacedRelay,
  command: RtppRequest,
  plain: RtppRequest,
  retry?: Partial<RetryPolicy>,
): Promise<RtppOutcome> {
  const outcome = await request(relay, command, retry);
  return hasCode(outcome, UNKNOWN_MODIFIER) ? request(relay, plain, retry) : outcome;
}

function failed({ name }: PlacedRelay, outcome: RtppOutcome): RelayOutcome {
  const relay = `media relay at ${name}`;
  const reason =
    outcome.kind === 'refused' ? 'refused: not running' : outcome.kind === 'timeout' ? 'does not answer' : undefined;
  return {
    kind: 'failed',
    ...(hasCode(outcome, NO_SUCH_FAMILY) && { lacksFamily: true }),
    reason: reason === undefined ? `${relay}: ${describeOutcome(outcome)}` : `${relay} ${reason}`,
  };
}

/** Where phones send to, if that is not the server's own address: what the relay says, or the other host that it is on. */
function mediaAddressOf({ mediaAddress, remote }: PlacedRelay, told: string | undefined): string | undefined {
  if (mediaAddress !== undefined) {
    return mediaAddress === 'own' ? undefined : mediaAddress;
  }
  if (told !== undefined && familyOf(told) !== undefined && !isWildcard(told)) {
    return told;
  }
  return isLoopback(remote.address) ? undefined : remote.address;
}

/** Another relay may do what this one did not. */
function mayWorkElsewhere(outcome: RtppOutcome): boolean {
  switch (outcome.kind) {
    case 'reply':
      return outcome.reply.kind === 'error' && mayTryAnother(outcome.reply.code);
    case 'timeout':
    case 'refused':
    case 'disconnected':
      return true;
    case 'closed':
    case 'rejected':
      return false;
  }
}

function isUnknown(outcome: RtppOutcome): boolean {
  return hasCode(outcome, NO_SUCH_SESSION);
}

function hasCode(outcome: RtppOutcome, code: number): boolean {
  return outcome.kind === 'reply' && outcome.reply.kind === 'error' && outcome.reply.code === code;
}

/** Both tags carry the number of the m-line, from 1: each stream is a session of its own (RTPP 2.3, `;N`). */
function partyOf(
  session: RelaySession,
  offerer: Side,
  stream: Pick<RelayStream, 'index'>,
): { readonly callId: string; readonly fromTag: string; readonly toTag: string } {
  const caller = `${safeId(session.callerTag)};${stream.index + 1}`;
  const callee = `${safeId(session.calleeTag)};${stream.index + 1}`;
  return {
    callId: relayCallId(session),
    fromTag: offerer === 'caller' ? caller : callee,
    toTag: offerer === 'caller' ? callee : caller,
  };
}

/** What the Call-IDs of a call's sessions begin with, up to `~`. */
export function relayCallIdOf(callId: string): string {
  return safeId(callId);
}

/** The caller's Call-ID, so that an operator finds the call in the relay's log, and what makes it unique. */
function relayCallId(session: RelaySession): string {
  return `${safeId(session.callId)}~${session.instance}`;
}

const LONGEST_ID = 100;

/**
 * An id as RTPP takes it: no blanks, and none of the characters that separate fields there or mean something to a
 * relay's log, file names or the IMS dialect. A long one is replaced by its hash.
 */
function safeId(id: string): string {
  const safe = id.replace(/[^A-Za-z0-9._~@+-]/g, (character) =>
    Array.from(Buffer.from(character, 'utf8'), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  );
  return safe.length <= LONGEST_ID && safe !== '' ? safe : createHash('sha256').update(id).digest('hex').slice(0, 40);
}
