/** What `ims-launch capture` fetches again and again: the SIP that the IMS saw, the media that the relay did. */
import type { CaptureRequest, ControlService } from '../../control/protocol.ts';
import type { ChildQuestion, MediaCaptureAnswer, SipCaptureAnswer } from '../../observe/ipc.ts';

export interface CaptureAnswer {
  readonly sip: SipCaptureAnswer | CapturedNothing;
  readonly media: MediaCaptureAnswer | CapturedNothing;
  /** Process ids: another one has seen nothing of what was before. */
  readonly pids: ServicePids;
}

/** Why not, as a sentence. */
export interface CapturedNothing {
  readonly absent: string;
}

export type ServicePids = Readonly<Record<ControlService, number | null>>;

type Ask = (service: ControlService, question: ChildQuestion) => Promise<unknown>;

/**
 * The IMS is asked first: it knows what the relay calls its calls. Another proxy may have calls on that relay as well,
 * and there they have the names that were typed. Never rejects.
 */
export async function fetchCapture(
  { capture, call, after, end }: CaptureRequest,
  ask: Ask,
  pids: () => ServicePids,
): Promise<CaptureAnswer> {
  const sip = await answerOf<SipCaptureAnswer>('IMS', ask('ims', { what: 'sip-capture', call, after }));
  const relayCallId = 'absent' in sip ? null : sip.relayCallId;
  const calls = call === undefined ? undefined : relayCallId === null ? [call] : [relayCallId, call];
  const question = { what: 'media-capture', capture, calls, end } as const;
  const media = await answerOf<MediaCaptureAnswer>('relay', ask('relay', question));
  return { sip, media, pids: pids() };
}

async function answerOf<T extends object>(name: string, asked: Promise<unknown>): Promise<T | CapturedNothing> {
  try {
    const answer = (await asked) as T | undefined | null;
    return answer ?? { absent: `the ${name} is of another version` };
  } catch (error) {
    return { absent: `the ${name} ${(error as Error).message}` };
  }
}
