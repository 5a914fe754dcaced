/** Real RTP through the relay, as readiness and health ask for it: a session, five packets each way, and its end. */
import { LoopLag } from '../../io/loop-lag.ts';
import type { RtppClient } from '../../io/rtpp-client-driver.ts';
import { formatCommand } from '../../rtpp/request.ts';
import type { MediaSample, SupervisorEvent } from '../../supervisor/events.ts';
import { proveMedia, QUICK_PROOF } from '../media/probe.ts';
import type { MediaProof, ProofFailure } from '../media/proof.ts';
import { strangeMediaAddress } from './questions.ts';

export interface MediaCheckerOptions {
  readonly client: RtppClient;
  readonly runId: string;
  /** The relay may be on another host, and the operator wants it checked all the same. */
  allowRemote(): boolean;
}

export class MediaChecker {
  readonly #options: MediaCheckerOptions;
  readonly #end = new AbortController();
  #checks = 0;

  constructor(options: MediaCheckerOptions) {
    this.#options = options;
  }

  /** Before calls are let through. */
  async prove(): Promise<Pick<Extract<SupervisorEvent, { kind: 'media-proved' }>, 'ok' | 'finding' | 'callsFail'>> {
    const { client } = this.#options;
    const proof = await proveMedia({ ...QUICK_PROOF, client, purpose: 'ready', signal: this.#end.signal });
    return {
      ok: proof.ok,
      finding: findingOf(proof, client),
      callsFail: !proof.rtpOk && (proof.failure === undefined || proof.failure === 'no-port'),
    };
  }

  /** Once in a while. Bounded by the budgets of at most five commands and half a second. */
  async check(): Promise<MediaSample> {
    const { client, runId, allowRemote } = this.#options;
    this.#checks += 1;
    const id = `${runId}-${this.#checks}`;
    const lag = new LoopLag();
    try {
      const { signal } = this.#end;
      const proof = await proveMedia({ ...QUICK_PROOF, client, purpose: 'hc', id, allowRemote: allowRemote(), signal });
      const lagMs = lag.take();
      return {
        verdict: verdictOf(proof),
        finding: proof.rtpOk ? '' : findingOf(proof, client),
        delayMs: delayOf(proof),
        ...(await this.#counts()),
        lagMs,
      };
    } finally {
      lag.close();
    }
  }

  /** A check that is under way ends, and deletes its session: the relay may outlive us. */
  close(): void {
    this.#end.abort();
  }

  /** `I`: after the check's own session is gone, the rest are calls. */
  async #counts(): Promise<Pick<MediaSample, 'sessions' | 'relayedPackets'>> {
    const outcome = await this.#options.client.request(formatCommand({ kind: 'info' }), QUICK_PROOF.retry);
    const text = outcome.kind === 'reply' && outcome.reply.kind === 'text' ? outcome.reply.text : '';
    return { sessions: countIn(text, 'active sessions'), relayedPackets: countIn(text, 'packets transmitted') };
  }
}

function findingOf({ findings, failure }: MediaProof, client: RtppClient): string {
  const strange = failure === 'no-port' ? strangeMediaAddress(client) : undefined;
  const hint = `its media address, -l ${strange}, is not one of this host`;
  return [...findings, ...(strange === undefined ? [] : [hint])].join('; ');
}

/** RTCP is left to readiness and to `verify`: calls have audio without it. */
function verdictOf({ rtpOk, failure }: MediaProof): MediaSample['verdict'] {
  return rtpOk ? 'passed' : failure === undefined ? 'failed' : VERDICTS[failure];
}

const VERDICTS = {
  'no-answer': 'unanswered',
  'no-port': 'refused',
  elsewhere: 'refused',
  'no-socket': 'unanswered',
} as const satisfies Record<ProofFailure, MediaSample['verdict']>;

/** The slower of the two ways. */
function delayOf({ directions }: MediaProof): number | undefined {
  const delays = directions.flatMap(({ component, delayP50Ms }) =>
    component === 'rtp' && delayP50Ms !== undefined ? [delayP50Ms] : [],
  );
  return delays.length === 0 ? undefined : Math.max(...delays);
}

function countIn(text: string, name: string): number | undefined {
  const digits = new RegExp(`^${name}: ([0-9]+)$`, 'm').exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
