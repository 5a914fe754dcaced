/** The B2BUA's media relay, spoken to in RTPP. */
import { createHash } from 'node:crypto';
import type { RtppClient } from '../../io/rtpp-client-driver.ts';
import type { Log } from '../../observe/log.ts';
import { formatCommand, type RtppRequest } from '../../rtpp/request.ts';
import { describeOutcome, type RtppOutcome } from '../../rtpp-client/outcome.ts';
import type { RelayCommand, RelayOutcome, RelaySession, RelayStream, Side } from '../../sip/b2bua/media-relay.ts';
import { formatTransportAddress } from '../../wire/ip-address.ts';

/** RTPP: no such session; no local address of the wanted family. */
const NO_SUCH_SESSION = 50;
const NO_SUCH_FAMILY = 36;

export class RtppMediaRelay {
  readonly #client: Pick<RtppClient, 'request' | 'remote'>;
  readonly #log: Log;

  constructor(client: Pick<RtppClient, 'request' | 'remote'>, log: Log) {
    this.#client = client;
    this.#log = log;
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

  async #execute(command: RelayCommand): Promise<RelayOutcome> {
    switch (command.kind) {
      case 'publish':
        return this.#publish(command);
      case 'check':
        return this.#check(command);
      case 'delete': {
        const { callerTag, calleeTag } = command.session;
        const request = { kind: 'delete', callId: relayCallId(command.session) } as const;
        const outcome = await this.#request({ ...request, fromTag: safeId(callerTag), toTag: safeId(calleeTag) });
        return isUnknown(outcome) || outcome.kind === 'reply' ? { kind: 'done', ports: [] } : this.#failed(outcome);
      }
    }
  }

  /** `U` for an offer, `L` for an answer: both name the offerer first, and the writer's address (RTPP 2.3). */
  async #publish(command: RelayCommand & { kind: 'publish' }): Promise<RelayOutcome> {
    const outcomes = await Promise.all(
      command.streams.map((stream) => {
        const { address, port } = stream;
        const party = partyOf(command.session, command.offerer, stream);
        const kind = command.role === 'offer' ? 'update' : 'lookup';
        const modifiers = stream.family === 6 ? ({ family: 6 } as const) : undefined;
        return this.#request({ kind, ...party, peer: { address, port }, modifiers });
      }),
    );
    const ports: number[] = [];
    for (const outcome of outcomes) {
      if (outcome.kind !== 'reply' || outcome.reply.kind !== 'number') {
        return isUnknown(outcome) ? { kind: 'lost' } : this.#failed(outcome);
      }
      if (outcome.reply.value === 0) {
        return { kind: 'lost' };
      }
      ports.push(outcome.reply.value);
    }
    return { kind: 'done', ports };
  }

  /** Failed: no stream's question was answered. Lost is a call none of whose streams is known: a rejected stream's session ends earlier than the call. */
  async #check(command: RelayCommand & { kind: 'check' }): Promise<RelayOutcome> {
    const outcomes = await Promise.all(
      command.streams.map((stream) =>
        this.#request({ kind: 'query', ...partyOf(command.session, command.offerer, stream) }),
      ),
    );
    const [first] = outcomes;
    if (first !== undefined && outcomes.every(({ kind }) => kind !== 'reply')) {
      return this.#failed(first);
    }
    return outcomes.every(isUnknown) ? { kind: 'lost' } : { kind: 'done', ports: [] };
  }

  #request(request: RtppRequest): Promise<RtppOutcome> {
    return this.#client.request(formatCommand(request));
  }

  #failed(outcome: RtppOutcome): RelayOutcome {
    const relay = `media relay at ${formatTransportAddress(this.#client.remote)}`;
    const reason =
      outcome.kind === 'refused' ? 'refused: not running' : outcome.kind === 'timeout' ? 'does not answer' : undefined;
    return {
      kind: 'failed',
      ...(hasCode(outcome, NO_SUCH_FAMILY) && { lacksFamily: true }),
      reason: reason === undefined ? `${relay}: ${describeOutcome(outcome)}` : `${relay} ${reason}`,
    };
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
  stream: RelayStream,
): { readonly callId: string; readonly fromTag: string; readonly toTag: string } {
  const caller = `${safeId(session.callerTag)};${stream.index + 1}`;
  const callee = `${safeId(session.calleeTag)};${stream.index + 1}`;
  return {
    callId: relayCallId(session),
    fromTag: offerer === 'caller' ? caller : callee,
    toTag: offerer === 'caller' ? callee : caller,
  };
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
