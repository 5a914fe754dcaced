/** One party's media side: an RTP socket on an even port, an RTCP socket on the next (RFC 3550 11). */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { familyOf, type TransportAddress } from '../wire/ip-address.ts';

export type MediaComponent = 'rtp' | 'rtcp';

/** `at`: the instant of `performance.now()` at which the event loop saw the datagram. */
export type MediaListener = (component: MediaComponent, bytes: Buffer, from: TransportAddress, at: number) => void;

/** Sockets come from the ephemeral ports, where every other one is even and its neighbour usually free. */
const MAX_ATTEMPTS = 50;

export class MediaEndpoint {
  /** Where this party receives RTP; RTCP is the next port. */
  readonly rtpAddress: TransportAddress;
  readonly #sockets: Readonly<Record<MediaComponent, Socket>>;
  #closed = false;
  #sendError: NodeJS.ErrnoException | undefined;

  private constructor(sockets: Readonly<Record<MediaComponent, Socket>>, listener: MediaListener) {
    const { address, port } = sockets.rtp.address();
    this.rtpAddress = { address, port };
    this.#sockets = sockets;
    for (const component of ['rtp', 'rtcp'] as const) {
      sockets[component].on('message', (bytes: Buffer, from: RemoteInfo) => {
        listener(component, bytes, from, performance.now());
      });
      sockets[component].on('error', (error) => this.#noteError(error));
    }
  }

  /** @throws the system's error when `address` cannot be bound, or no even/odd pair is free. */
  static async open(address: string, listener: MediaListener): Promise<MediaEndpoint> {
    for (let attempt = 1; ; attempt++) {
      const rtp = await bind(address, 0);
      const { port } = rtp.address();
      if (port % 2 === 0) {
        try {
          return new MediaEndpoint({ rtp, rtcp: await bind(address, port + 1) }, listener);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === MAX_ATTEMPTS) {
            rtp.close();
            throw error;
          }
        }
      }
      rtp.close();
      if (attempt === MAX_ATTEMPTS) {
        throw new Error(`no even/odd pair of UDP ports is free on ${address}`);
      }
    }
  }

  /** What the first packet failed with that the system would not send, for example ENETUNREACH. */
  get sendError(): NodeJS.ErrnoException | undefined {
    return this.#sendError;
  }

  /** `to` is the RTP address of the other end; RTCP goes to the port after it. */
  send(component: MediaComponent, bytes: Uint8Array, to: TransportAddress): void {
    if (this.#closed) {
      return;
    }
    const port = component === 'rtp' ? to.port : to.port + 1;
    try {
      this.#sockets[component].send(bytes, port, to.address, (error) => {
        if (error !== null) {
          this.#noteError(error);
        }
      });
    } catch (error) {
      // node:dgram throws for port 65536, which a relay that granted 65535 would make of RTCP.
      this.#noteError(error as NodeJS.ErrnoException);
    }
  }

  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#sockets.rtp.close();
      this.#sockets.rtcp.close();
    }
  }

  #noteError(error: NodeJS.ErrnoException): void {
    if (!this.#closed) {
      this.#sendError ??= error;
    }
  }
}

async function bind(address: string, port: number): Promise<Socket> {
  const socket = createSocket({ type: familyOf(address) === 6 ? 'udp6' : 'udp4', reuseAddr: false });
  try {
    const listening = once(socket, 'listening');
    socket.bind({ address, port, exclusive: true });
    await listening;
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}
