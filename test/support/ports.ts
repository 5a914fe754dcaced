/** Ports for tests that run on the loopback interface, beside whatever else runs there. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { boundSockets } from '../../src/io/port-owner.ts';
import { boundUdpPorts } from './survivors.ts';

/** Below Linux's ephemeral range (32768…), so that nobody is given one of ours by chance. */
const LOWEST = 12_000;
const HIGHEST = 32_000;

/** First port of `count` consecutive ports that are free for UDP and for TCP; even. */
export function freePortRange(count: number): number {
  const bound = new Set([...boundUdpPorts(), ...boundSockets('tcp').map(({ port }) => port)]);
  for (let attempt = 0; attempt < 1000; attempt++) {
    const first = randomInt(LOWEST / 2, Math.floor((HIGHEST - count) / 2)) * 2;
    const free = Array.from({ length: count }, (_, offset) => first + offset).every((port) => !bound.has(port));
    if (free) {
      return first;
    }
  }
  throw new Error(`no ${count} consecutive free ports between ${LOWEST} and ${HIGHEST}`);
}

/** A UDP port that could be bound on every address a moment ago, and on which nobody listens for TCP either. */
export async function freeUdpPort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = freePortRange(1);
    if (await isBindable(port)) {
      return port;
    }
  }
  throw new Error('no free UDP port');
}

function isBindable(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, '0.0.0.0', () => socket.close(() => resolve(true)));
  });
}
