import { createSocket, type Socket } from 'node:dgram';
import type { AddressFamily } from '../../wire/ip-address.ts';

/** Room for bursts: 256 KiB are 0.2 s of 1000 packets a second with their bookkeeping. */
const RECEIVE_BUFFER_BYTES = 256 * 1024;

/**
 * A UDP socket bound to exactly this address and port; rejects with the system's error and leaves nothing open.
 * Addresses are always literals, so the socket's name lookup, which would cost a turn of the loop for each
 * packet sent, is cut short.
 */
export function bindUdp(address: string, port: number, family: AddressFamily): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: family === 4 ? 'udp4' : 'udp6',
      reuseAddr: false,
      ipv6Only: family === 6,
      lookup: (literal, _options, done) => done(null, literal, family),
    });
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.once('listening', () => {
      socket.removeAllListeners('error');
      try {
        socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
      } catch {
        // The system allows less: its default has to do.
      }
      resolve(socket);
    });
    socket.bind({ address, port, exclusive: true });
  });
}
