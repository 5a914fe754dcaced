/** What a party speaks, as far as a relay can know it: SDP does not pass here. */
import { staticPayloadType } from '../../rtp/payload-types.ts';

export interface HeardCodec {
  /** For people: `PCMU`, or `type 111 at 48 kHz`. */
  readonly name: string;
  /** What its quality is estimated as; undefined: no voice codec that is known. */
  readonly encoding: string | undefined;
}

/** Comfort noise (RFC 3389) is no codec: it stands in for one. */
const COMFORT_NOISE = 13;

/** @param clockHz 0: not known */
export function heardCodec(payloadType: number, clockHz: number): HeardCodec | undefined {
  if (payloadType === COMFORT_NOISE) {
    return undefined;
  }
  const known = staticPayloadType(payloadType);
  if (known !== undefined) {
    return { name: known.encoding, encoding: known.encoding };
  }
  const name = clockHz === 0 ? `type ${payloadType}` : `type ${payloadType} at ${clockHz / 1000} kHz`;
  return { name, encoding: LIKELY[clockHz] };
}

/** What telephones use that have such a clock: RFC 7587, 4867. */
const LIKELY: Readonly<Record<number, string>> = { 48000: 'opus', 16000: 'AMR-WB', 8000: 'AMR' };
