/** One session on a relay, made to be tried out and deleted again. */
import { randomBytes } from 'node:crypto';
import type { RtppClient } from '../../io/rtpp-client-driver.ts';
import { describeEcode, type Ecode } from '../../rtpp/ecodes.ts';
import { probeCallId } from '../../rtpp/probe-call-id.ts';
import { grantedPort } from '../../rtpp/reply.ts';
import { formatCommand } from '../../rtpp/request.ts';
import { describeOutcome, type RtppOutcome } from '../../rtpp-client/outcome.ts';
import type { RetryPolicy } from '../../rtpp-client/policy.ts';
import type { AddressFamily, TransportAddress } from '../../wire/ip-address.ts';
import { err, ok, type Result } from '../../wire/result.ts';

/** A leg's port, and the address that the relay tells with it; undefined: it is bound to all addresses. */
export interface GrantedLeg {
  readonly port: number;
  readonly told: string | undefined;
}

/** `E36`: the relay's default address is of the other family. */
const WRONG_FAMILY = 36;

/** What usually lies behind a refusal to grant ports. */
const HINTS: Partial<Record<Ecode, string>> = {
  71: 'its port range is used up, or its media address (-l) is not one of its host',
  72: 'its port range is used up, or its media address (-l) is not one of its host',
  99: 'it waits for its last calls to end and then stops',
};

export interface ProbeSessionOptions {
  readonly client: RtppClient;
  /** A word in the call id, for the relay's log. */
  readonly purpose: string;
  /** What makes the call id unique; random unless told. */
  readonly id?: string | undefined;
  readonly family: AddressFamily;
  readonly retry: Partial<RetryPolicy>;
}

/** Why there is no port to send to. */
export interface NoPort {
  readonly failure: 'no-answer' | 'no-port';
  readonly finding: string;
}

export class ProbeSession {
  readonly #client: RtppClient;
  readonly #retry: Partial<RetryPolicy>;
  readonly #callId: string;
  readonly #fromTag = randomBytes(6).toString('hex');
  readonly #toTag = randomBytes(6).toString('hex');
  #family: AddressFamily;

  constructor({ client, purpose, id, family, retry }: ProbeSessionOptions) {
    this.#client = client;
    this.#family = family;
    this.#retry = retry;
    this.#callId = probeCallId(purpose, id ?? randomBytes(8).toString('hex'));
  }

  get callId(): string {
    return this.#callId;
  }

  /** `U` by the caller: the leg that the callee sends to. Without an address of the caller the relay has to learn it. */
  async offer(caller?: TransportAddress): Promise<Result<GrantedLeg, NoPort>> {
    const outcome = await this.#stream('update', caller);
    if (outcome.kind === 'reply' && outcome.reply.kind === 'error' && outcome.reply.code === WRONG_FAMILY) {
      this.#family = 6;
      return grantOf('offer', await this.#stream('update', caller));
    }
    return grantOf('offer', outcome);
  }

  /** `L` by the callee: the leg that the caller sends to. */
  async answer(callee?: TransportAddress): Promise<Result<GrantedLeg, NoPort>> {
    return grantOf('answer', await this.#stream('lookup', callee));
  }

  /** Never fails: a session that the relay does not know is what was wanted. */
  async delete(): Promise<void> {
    const command = formatCommand({
      kind: 'delete',
      callId: this.#callId,
      fromTag: this.#fromTag,
      toTag: this.#toTag,
    });
    await this.#client.request(command, this.#retry);
  }

  #stream(kind: 'update' | 'lookup', peer: TransportAddress | undefined): Promise<RtppOutcome> {
    const command = formatCommand({
      kind,
      callId: this.#callId,
      fromTag: this.#fromTag,
      toTag: kind === 'lookup' ? this.#toTag : undefined,
      peer,
      modifiers: { family: this.#family },
    });
    return this.#client.request(command, this.#retry);
  }
}

function grantOf(step: 'offer' | 'answer', outcome: RtppOutcome): Result<GrantedLeg, NoPort> {
  const granted = outcome.kind === 'reply' ? grantedPort(outcome.reply, '') : undefined;
  if (granted !== undefined) {
    return ok({ port: granted.port, told: granted.address === '' ? undefined : granted.address });
  }
  return err({
    failure: outcome.kind === 'reply' ? 'no-port' : 'no-answer',
    finding: `the relay grants no port for the ${step}: ${reasonOf(outcome)}`,
  });
}

function reasonOf(outcome: RtppOutcome): string {
  if (outcome.kind !== 'reply' || outcome.reply.kind !== 'error') {
    return describeOutcome(outcome);
  }
  const hint = HINTS[outcome.reply.code as Ecode];
  return `it answers ${describeEcode(outcome.reply.code)}${hint === undefined ? '' : ` (${hint})`}`;
}
