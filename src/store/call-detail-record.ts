/**
 * One line of `dataDir/cdr/YYYY-MM-DD.jsonl`; `csv.ts` makes a row of it. Instants are ISO 8601 in UTC with milliseconds. With
 * `CDR_MERGE_MODE=false` a call has three lines, and `event` says which; what is not known yet is left out.
 */
export interface CallDetailRecord {
  readonly event: 'call' | 'invite' | 'answer' | 'end';
  /** Our own id of the call; the lines of one call share it. */
  readonly id: string;
  /** Call-ID of the caller's leg, and of the callee's leg that answered (or the last one tried). */
  readonly callId: string;
  readonly calleeCallId?: string;
  readonly caller: CdrParty;
  readonly callee: CdrParty;
  readonly invitedAt: string;
  readonly ringingAt?: string;
  readonly answeredAt?: string;
  readonly endedAt?: string;
  /** From answer to end; 0 for a call that nobody answered. */
  readonly durationSeconds?: number;
  readonly endedBy?: 'caller' | 'callee' | 'server';
  /** SIP status of the INVITE's final answer. */
  readonly status?: number;
  /** Why it ended: `bye`, `cancel`, `media-lost`, `session-expired: …`, `server-lost` (this server was killed), a reason phrase, … */
  readonly reason?: string;
  /** Q.850 cause of the end, 1–127 (RFC 3398 section 8.2.6.1): 16 is an ordinary hang-up, 17 busy, 18 no answer. */
  readonly cause?: number;
  /** The relay's RTP ports, facing the caller and facing the callee, one pair a stream; 0: none was opened. */
  readonly relayPorts?: { readonly caller: readonly number[]; readonly callee: readonly number[] };
  /** Control socket of the relay that served the call, as the configuration names it. */
  readonly relay?: string;
  /** Of an answered call, as the relay counted at its end; one entry a stream. Left out where the relay did not tell. */
  readonly media?: readonly CdrStream[];
}

export interface CdrStream {
  /** Number of the m-line, from 1. */
  readonly stream: number;
  /** What the caller said. */
  readonly caller: CdrDirection;
  /** What the callee said. */
  readonly callee: CdrDirection;
}

/** The words and figures of `ims-launch calls`; of other relays than ours there are counts only. */
export interface CdrDirection {
  readonly packets: number;
  /** Sequence numbers that never came, and their share of all that were sent, percent. */
  readonly lost?: number;
  readonly lossPercent?: number;
  readonly codec?: string;
  readonly jitterMs?: number;
  /** 1 to 4.5. */
  readonly mos?: number;
  /** `flows`, `held`, `late`, `silent`, `never-arrived`, … */
  readonly verdict?: string;
}

export interface CdrParty {
  /** URI of From (caller) or of the original Request-URI (callee). */
  readonly uri: string;
  /** address:port that the leg's messages came from. */
  readonly address?: string;
}
