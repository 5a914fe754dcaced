/**
 * How good a voice stream sounds, estimated from what the network did to it: the E-model. ITU-T G.107 for narrowband
 * codecs, G.107.1 for wideband ones, each on the scale of its band: 4.4 is the best that G.711 can be, and 4.5 the
 * best that there is. Everything that is not measured here (echo, noise, loudness) has the default of G.107.
 */

/** Ie and Bpl: what the codec alone costs, and how well it bears loss (ITU-T G.113 appendices I and IV). */
interface Impairment {
  readonly band: 'narrow' | 'wide';
  readonly ie: number;
  readonly bpl: number;
}

/** By encoding name of SDP, in capitals. */
const IMPAIRMENTS: Readonly<Record<string, Impairment>> = {
  // With the loss concealment of G.711 appendix I, which every phone has.
  PCMU: { band: 'narrow', ie: 0, bpl: 25.1 },
  PCMA: { band: 'narrow', ie: 0, bpl: 25.1 },
  G729: { band: 'narrow', ie: 11, bpl: 19 },
  G723: { band: 'narrow', ie: 15, bpl: 16.1 },
  G728: { band: 'narrow', ie: 7, bpl: 17 },
  'G726-32': { band: 'narrow', ie: 7, bpl: 19 },
  GSM: { band: 'narrow', ie: 20, bpl: 10 },
  // As GSM EFR, which is its mode of 12.2 kbit/s.
  AMR: { band: 'narrow', ie: 5, bpl: 10 },
  ILBC: { band: 'narrow', ie: 10, bpl: 34 },
  G722: { band: 'wide', ie: 13, bpl: 4.9 },
  // The mode of 12.65 kbit/s.
  'AMR-WB': { band: 'wide', ie: 13, bpl: 4.3 },
  // The ITU has no figures for these two; they are between those of G.722.2 at its best and G.711 with concealment.
  EVS: { band: 'wide', ie: 2, bpl: 15 },
  OPUS: { band: 'wide', ie: 2, bpl: 15 },
};

/** R without any impairment (G.107 table 2; G.107.1 table 1). */
const BEST_R = { narrow: 93.2, wide: 129 } as const;

/** G.107.1 annex: the wideband scale is that of G.107, stretched. */
const WIDE_STRETCH = 1.29;

/** What a phone adds by itself: a packet of 20 ms and its encoding. */
const TERMINAL_MS = 25;

export interface VoiceConditions {
  /** Encoding name of SDP; capitals or not. */
  readonly encoding: string;
  /** Packets lost, 0 to 1. */
  readonly lossFraction: number;
  /** Interarrival jitter (RFC 3550 6.4.1); a receiver waits for twice of it. */
  readonly jitterMs: number;
  /** One way through the network; 0 where nobody has measured it. */
  readonly delayMs?: number;
}

/** Mean opinion score, 1 (bad) to 4.5; undefined: nobody knows how this encoding sounds. */
export function estimateMos({ encoding, lossFraction, jitterMs, delayMs = 0 }: VoiceConditions): number | undefined {
  const impairment = IMPAIRMENTS[encoding.toUpperCase()];
  if (impairment === undefined) {
    return undefined;
  }
  const delay = delayImpairment(TERMINAL_MS + delayMs + 2 * jitterMs);
  const r = BEST_R[impairment.band] - delay - lossImpairment(impairment, lossFraction);
  return mosOf(impairment.band === 'wide' ? r / WIDE_STRETCH : r);
}

/** Of a rating R on the scale of G.107 (annex B.4). */
export function mosOf(r: number): number {
  if (r <= 0) {
    return 1;
  }
  // Between 0 and 6.5 the cubic is below 1.
  return r >= 100 ? 4.5 : Math.max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6);
}

/** Idd (G.107 7.4): nobody minds 100 ms one way. */
export function delayImpairment(ms: number): number {
  if (ms <= 100) {
    return 0;
  }
  const x = Math.log2(ms / 100);
  return 25 * ((1 + x ** 6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2);
}

/** Ie,eff of random loss (G.107 7.5). */
function lossImpairment({ ie, bpl }: Impairment, lossFraction: number): number {
  const percent = 100 * Math.min(1, Math.max(0, lossFraction));
  return ie + ((95 - ie) * percent) / (percent + bpl);
}
