/** Static payload types (RFC 3551 6, tables 4 and 5). 96–127 are dynamic: SDP's `a=rtpmap` says what they are. */
export interface StaticPayloadType {
  readonly encoding: string;
  readonly media: 'audio' | 'video' | 'audio/video';
  readonly clockRateHz: number;
  /** Audio only. */
  readonly channels?: number;
}

export const STATIC_PAYLOAD_TYPES = {
  0: { encoding: 'PCMU', media: 'audio', clockRateHz: 8000, channels: 1 },
  3: { encoding: 'GSM', media: 'audio', clockRateHz: 8000, channels: 1 },
  4: { encoding: 'G723', media: 'audio', clockRateHz: 8000, channels: 1 },
  5: { encoding: 'DVI4', media: 'audio', clockRateHz: 8000, channels: 1 },
  6: { encoding: 'DVI4', media: 'audio', clockRateHz: 16000, channels: 1 },
  7: { encoding: 'LPC', media: 'audio', clockRateHz: 8000, channels: 1 },
  8: { encoding: 'PCMA', media: 'audio', clockRateHz: 8000, channels: 1 },
  // G.722 samples at 16 kHz; its clock rate stayed 8 kHz by a mistake of RFC 1890 that nobody can undo.
  9: { encoding: 'G722', media: 'audio', clockRateHz: 8000, channels: 1 },
  10: { encoding: 'L16', media: 'audio', clockRateHz: 44100, channels: 2 },
  11: { encoding: 'L16', media: 'audio', clockRateHz: 44100, channels: 1 },
  12: { encoding: 'QCELP', media: 'audio', clockRateHz: 8000, channels: 1 },
  13: { encoding: 'CN', media: 'audio', clockRateHz: 8000, channels: 1 },
  14: { encoding: 'MPA', media: 'audio', clockRateHz: 90000 },
  15: { encoding: 'G728', media: 'audio', clockRateHz: 8000, channels: 1 },
  16: { encoding: 'DVI4', media: 'audio', clockRateHz: 11025, channels: 1 },
  17: { encoding: 'DVI4', media: 'audio', clockRateHz: 22050, channels: 1 },
  18: { encoding: 'G729', media: 'audio', clockRateHz: 8000, channels: 1 },
  25: { encoding: 'CelB', media: 'video', clockRateHz: 90000 },
  26: { encoding: 'JPEG', media: 'video', clockRateHz: 90000 },
  28: { encoding: 'nv', media: 'video', clockRateHz: 90000 },
  31: { encoding: 'H261', media: 'video', clockRateHz: 90000 },
  32: { encoding: 'MPV', media: 'video', clockRateHz: 90000 },
  33: { encoding: 'MP2T', media: 'audio/video', clockRateHz: 90000 },
  34: { encoding: 'H263', media: 'video', clockRateHz: 90000 },
} as const satisfies Record<number, StaticPayloadType>;

export const FIRST_DYNAMIC_PAYLOAD_TYPE = 96;

/** Undefined for the numbers that are dynamic, reserved or unassigned. */
export function staticPayloadType(payloadType: number): StaticPayloadType | undefined {
  return STATIC_PAYLOAD_TYPES[payloadType as keyof typeof STATIC_PAYLOAD_TYPES];
}
