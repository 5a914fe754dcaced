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

/** The IMS is asked first: it knows what the relay calls a call. Never rejects. */
export async function fetchCapture(
  { capture, call, after, end }: CaptureRequest,
  ask: Ask,
  pids: () => ServicePids,
): Promise<CaptureAnswer> {
  const sip = await answerOf<SipCaptureAnswer>('IMS', ask('ims', { what: 'sip-capture', call, after }));
  const mediaCall = 'absent' in sip ? call : (sip.relayCallId ?? undefined);
  const question = { what: 'media-capture', capture, call: mediaCall, end } as const;
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
