/** Calls as `calls` and `top` tell them: their media as the relay sees it, and who talks, as far as our own IMS knows. */
import type { ControlService } from '../../control/protocol.ts';
import type { CallNames, ChildQuestion, StreamsAnswer } from '../../observe/ipc.ts';
import type { StreamReport } from '../../relay/quality/report.ts';

export interface CallsAnswer {
  /** Sessions that the relay has; the worst of them are told. */
  readonly total: number;
  /** What moves the packets; null: nobody says. */
  readonly plane: string | null;
  readonly calls: readonly CallRow[];
}

/** One stream of a call. */
export interface CallRow extends StreamReport {
  /** Null: the call is not one of the built-in IMS. */
  readonly names: Omit<CallNames, 'relayCallId'> | null;
}

type Ask = (service: ControlService, question: ChildQuestion) => Promise<unknown>;

/** @throws Error that completes "the relay …" */
export async function collectCalls(ask: Ask): Promise<CallsAnswer> {
  const [answer, names] = await Promise.all([
    ask('relay', { what: 'streams' }),
    // Another IMS does not tell, nor does one that is being restarted.
    ask('ims', { what: 'calls' }).catch(() => []),
  ]);
  const { total = 0, plane = null, streams = [] } = (answer ?? {}) as Partial<StreamsAnswer>;
  return { total, plane, calls: joinCalls(streams, (names ?? []) as readonly CallNames[]) };
}

/** A branch of a forked call is a session of its own: its Call-ID goes on after `~`. */
export function joinCalls(streams: readonly StreamReport[], names: readonly CallNames[]): CallRow[] {
  const known = new Map(names.map(({ relayCallId, ...rest }) => [relayCallId, rest]));
  return streams.map((stream) => {
    const end = stream.callId.lastIndexOf('~');
    return { ...stream, names: (end === -1 ? undefined : known.get(stream.callId.slice(0, end))) ?? null };
  });
}
