/** Tones: written as WAV, found again in decoded audio. G.711 per ITU-T G.711, Goertzel for the detection. */

/** Linear 16-bit samples in native numbers. */
export type Samples = Float64Array;

export const TELEPHONE_RATE_HZ = 8000;

/** A RIFF/WAVE file: one channel, 16 bits, a sine at half of full scale. */
export function toneWav(frequencyHz: number, seconds: number, rateHz = TELEPHONE_RATE_HZ): Buffer {
  const count = Math.round(seconds * rateHz);
  const file = Buffer.alloc(44 + count * 2);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(36 + count * 2, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20); // PCM
  file.writeUInt16LE(1, 22); // channels
  file.writeUInt32LE(rateHz, 24);
  file.writeUInt32LE(rateHz * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(count * 2, 40);
  for (let i = 0; i < count; i++) {
    file.writeInt16LE(Math.round(16_383 * Math.sin((2 * Math.PI * frequencyHz * i) / rateHz)), 44 + i * 2);
  }
  return file;
}

/** Samples of a 16-bit PCM WAV file, first channel. A recorder writes the size last: until then all the rest is data. */
export function readWav(file: Buffer): { readonly rateHz: number; readonly samples: Samples } {
  let at = 12;
  let channels = 1;
  let rateHz = TELEPHONE_RATE_HZ;
  while (at + 8 <= file.length) {
    const id = file.toString('latin1', at, at + 4);
    const rest = file.length - at - 8;
    const size = Math.min(file.readUInt32LE(at + 4), rest);
    if (id === 'fmt ') {
      channels = file.readUInt16LE(at + 10);
      rateHz = file.readUInt32LE(at + 12);
    } else if (id === 'data') {
      const frames = Math.floor((size || rest) / (2 * channels));
      const data = at + 8;
      return {
        rateHz,
        samples: Float64Array.from({ length: frames }, (_, i) => file.readInt16LE(data + i * 2 * channels)),
      };
    }
    at += 8 + size + (size % 2);
  }
  return { rateHz, samples: new Float64Array(0) };
}

/** RTP payload types 0 (PCMU) and 8 (PCMA); undefined for anything else. */
export function decodeG711(payloadType: number, payload: Uint8Array): Samples | undefined {
  const decode = payloadType === 0 ? decodeMuLaw : payloadType === 8 ? decodeALaw : undefined;
  return decode && Float64Array.from(payload, decode);
}

function decodeMuLaw(byte: number): number {
  const inverted = ~byte & 0xff;
  const magnitude = ((((inverted & 0x0f) << 3) + 0x84) << ((inverted >> 4) & 7)) - 0x84;
  return inverted & 0x80 ? -magnitude : magnitude;
}

function decodeALaw(byte: number): number {
  const even = byte ^ 0x55;
  const segment = (even >> 4) & 7;
  const step = ((even & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1);
  return even & 0x80 ? magnitude : -magnitude;
}

/**
 * Share of the signal's energy that lies at one frequency: near 1 for a clean tone of it, near 0 for another
 * tone, for noise and for silence.
 */
export function toneShare(samples: Samples, frequencyHz: number, rateHz = TELEPHONE_RATE_HZ): number {
  // Blocks of 25 ms resolve 40 Hz and forgive the phase jump where a packet is missing.
  const block = Math.round(rateHz / 40);
  let atFrequency = 0;
  let total = 0;
  for (let start = 0; start + block <= samples.length; start += block) {
    const part = samples.subarray(start, start + block);
    const energy = part.reduce((sum, sample) => sum + sample * sample, 0);
    total += energy;
    atFrequency += (2 * goertzelPower(part, frequencyHz, rateHz)) / block;
  }
  return total === 0 ? 0 : atFrequency / total;
}

/** |X(f)|² of one block (Goertzel 1958). */
function goertzelPower(samples: Samples, frequencyHz: number, rateHz: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * frequencyHz) / rateHz);
  let previous = 0;
  let beforePrevious = 0;
  for (const sample of samples) {
    const current = sample + coefficient * previous - beforePrevious;
    beforePrevious = previous;
    previous = current;
  }
  return previous ** 2 + beforePrevious ** 2 - coefficient * previous * beforePrevious;
}

/** One signal out of many pieces. */
export function joinSamples(pieces: readonly Samples[]): Samples {
  const joined = new Float64Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
