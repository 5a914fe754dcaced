/**
 * npm run make-prompt -- <in.wav> <name>: turns a WAV file (PCM, 16 bits, any rate and number of channels) into the
 * prompt files that the relay's command `P` plays: <name>.0 (G.711 µ-law) and <name>.8 (A-law), 8 kHz, mono.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { encodeALaw, encodeMuLaw } from '../src/rtp/g711.ts';

const RATE_HZ = 8000;

/** Lobes of the low-pass on either side: the copies of what lies above 4 kHz are 60 dB down. */
const LOBES = 16;

const CODECS = [
  { payloadType: 0, encode: encodeMuLaw },
  { payloadType: 8, encode: encodeALaw },
] as const;

interface Wav {
  readonly rateHz: number;
  /** Mono, -32768…32767. */
  readonly samples: Float64Array;
}

function main(argv: readonly string[]): void {
  const [input, name, ...more] = argv;
  if (input === undefined || name === undefined || more.length > 0) {
    throw new UserError('usage: npm run make-prompt -- <in.wav> <name>   writes <name>.0 and <name>.8');
  }
  const { samples, rateHz } = parseWav(read(input), input);
  const telephone = rateHz === RATE_HZ ? samples : resample(samples, rateHz);
  for (const { payloadType, encode } of CODECS) {
    const path = `${name}.${payloadType}`;
    writeFileSync(
      path,
      Uint8Array.from(telephone, (sample) => encode(clip(sample))),
    );
    console.log(`${path}: ${(telephone.length / RATE_HZ).toFixed(2)} s`);
  }
}

/** A mistake of the caller: one sentence, no stack. */
class UserError extends Error {}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

/** RIFF chunks: `fmt ` says what is in `data`. */
function parseWav(file: Buffer, path: string): Wav {
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE') {
    throw new UserError(`${path} is not a WAV file`);
  }
  let format: { readonly channels: number; readonly rateHz: number } | undefined;
  for (let at = 12; at + 8 <= file.length; ) {
    const id = file.toString('latin1', at, at + 4);
    const size = Math.min(file.readUInt32LE(at + 4), file.length - at - 8);
    const chunk = file.subarray(at + 8, at + 8 + size);
    if (id === 'fmt ' && size >= 16) {
      format = { channels: chunk.readUInt16LE(2), rateHz: chunk.readUInt32LE(4) };
      if (![1, 0xfffe].includes(chunk.readUInt16LE(0)) || chunk.readUInt16LE(14) !== 16) {
        throw new UserError(`${path} is not PCM with 16 bits: convert it first (sox ${path} -b 16 out.wav)`);
      }
    } else if (id === 'data' && format !== undefined && format.channels > 0 && format.rateHz > 0) {
      return { rateHz: format.rateHz, samples: mono(chunk, format.channels) };
    }
    at += 8 + size + (size % 2);
  }
  throw new UserError(`${path} has no audio`);
}

function mono(data: Buffer, channels: number): Float64Array {
  return Float64Array.from({ length: Math.floor(data.length / (2 * channels)) }, (_, frame) => {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) {
      sum += data.readInt16LE((frame * channels + channel) * 2);
    }
    return sum / channels;
  });
}

/** To 8 kHz, by a windowed sinc that cuts off where the lower of the two rates has to. */
function resample(samples: Float64Array, rateHz: number): Float64Array {
  const ratio = rateHz / RATE_HZ;
  const stretch = Math.max(1, ratio);
  const reach = LOBES * stretch;
  return Float64Array.from({ length: Math.floor(samples.length / ratio) }, (_, index) => {
    const centre = index * ratio;
    let sum = 0;
    let weights = 0;
    for (let at = Math.ceil(centre - reach); at <= centre + reach; at++) {
      const x = (at - centre) / stretch;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / LOBES);
      const weight = x === 0 ? 1 : (Math.sin(Math.PI * x) / (Math.PI * x)) * window;
      sum += weight * (samples[at] ?? 0);
      weights += weight;
    }
    return sum / weights;
  });
}

function clip(sample: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(sample)));
}

try {
  main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UserError)) {
    throw error;
  }
  console.error(error.message);
  process.exitCode = 64;
}
