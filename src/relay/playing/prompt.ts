/** Prompts: raw codec data in files `<name>.<payload type>`, played to a party as RTP. */
import type { Brand } from '../../wire/brand.ts';
import type { SessionId, Side } from '../plane.ts';

export type PlayerId = Brand<number, 'PlayerId'>;

export interface PlayRequest {
  readonly player: PlayerId;
  readonly session: SessionId;
  readonly callId: string;
  /** The leg that faces the party which hears it. */
  readonly side: Side;
  /** Path without the payload type, latin1. */
  readonly name: string;
  /** In order of preference: the first with a file is played. */
  readonly payloadTypes: readonly number[];
  /** Wanted length of a packet, milliseconds; rounded up to whole frames. */
  readonly packetMs: number;
  /** How often; Infinity: until it is stopped. */
  readonly times: number;
}

/** Smallest piece of a codec's data. */
export interface PromptCodec {
  readonly frameBytes: number;
  readonly frameMs: number;
}

/** RFC 3551 4.5, by payload type. G.722 counts its 16 kHz as 8 (4.5.2). */
export const PROMPT_CODECS: Readonly<Record<number, PromptCodec>> = {
  0: { frameBytes: 8, frameMs: 1 },
  3: { frameBytes: 33, frameMs: 20 },
  4: { frameBytes: 24, frameMs: 30 },
  8: { frameBytes: 8, frameMs: 1 },
  9: { frameBytes: 8, frameMs: 1 },
  18: { frameBytes: 10, frameMs: 10 },
};

/** Length of a packet when nobody asks for another, milliseconds. */
export const DEFAULT_PACKET_MS = 10;

/** `0,8,18`; undefined: not a list of payload types. */
export function parsePayloadTypes(text: string): readonly number[] | undefined {
  return /^[0-9]{1,3}(?:,[0-9]{1,3})*$/.test(text) ? text.split(',').map(Number) : undefined;
}
