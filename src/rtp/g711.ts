/** ITU-T G.711: 16-bit linear samples to one byte, and the payload types 0 (PCMU) and 8 (PCMA) of RFC 3551. */

const MU_LAW_BIAS = 0x84;
const MU_LAW_CLIP = 32_635;

/** One sample, -32768…32767, as µ-law. */
export function encodeMuLaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), MU_LAW_CLIP) + MU_LAW_BIAS;
  const segment = 24 - Math.clz32(magnitude);
  return ~(sign | (segment << 4) | ((magnitude >> (segment + 3)) & 0x0f)) & 0xff;
}

/** One sample, -32768…32767, as A-law. */
export function encodeALaw(sample: number): number {
  // Negative samples are mirrored at -0.5, so that the two halves have the same steps.
  const magnitude = (sample < 0 ? ~sample : sample) & 0x7fff;
  const segment = Math.max(0, 24 - Math.clz32(magnitude));
  const step = segment === 0 ? magnitude >> 4 : (magnitude >> (segment + 3)) & 0x0f;
  return ((sample < 0 ? 0 : 0x80) | (segment << 4) | step) ^ 0x55;
}
