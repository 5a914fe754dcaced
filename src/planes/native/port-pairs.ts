import type { MediaSockets } from '../../linux/media-socket.ts';
import type { PairRequest } from '../../relay/plane.ts';
import type { PairDescriptors } from './messages.ts';

/** A port pair with its sockets. */
export interface OpenPair extends PairDescriptors {
  /** Of RTP; RTCP has the one above. */
  readonly port: number;
}

/**
 * The sockets of every leg. A pair outlives its leg until the worker that reads it has let go, so that the kernel
 * cannot give its descriptors to somebody else meanwhile; whoever wants the port waits for that.
 */
export class PortPairs {
  readonly #sockets: MediaSockets;
  /** RTP ports of pairs that a worker may still use, and what resolves when they are closed. */
  readonly #closing = new Map<number, Promise<void>>();

  constructor(sockets: MediaSockets) {
    this.#sockets = sockets;
  }

  /** RTP and RTCP together or not at all. Throws SystemRefusal. */
  open({ address, port, family }: PairRequest): OpenPair {
    const rtp = this.#sockets.bind({ address, port }, family);
    try {
      const rtcp = this.#sockets.bind({ address, port: port + 1 }, family);
      return { rtp, rtcp, family, port, local: { address, port } };
    } catch (error) {
      this.#sockets.close(rtp);
      throw error;
    }
  }

  /** TOS of every packet that leaves by these two, 0–255. */
  mark({ rtp, rtcp, family }: OpenPair, tos: number): void {
    this.#sockets.setTos(rtp, family, tos);
    this.#sockets.setTos(rtcp, family, tos);
  }

  /** What closes the pairs, to be called once no worker uses them. */
  closeLater(pairs: readonly OpenPair[]): () => void {
    const { promise, resolve } = settleable();
    for (const { port } of pairs) {
      this.#closing.set(port, promise);
    }
    return () => {
      for (const { rtp, rtcp, port } of pairs) {
        this.#sockets.close(rtp);
        this.#sockets.close(rtcp);
        if (this.#closing.get(port) === promise) {
          this.#closing.delete(port);
        }
      }
      resolve();
    };
  }

  /** Resolves when the pair that still has this RTP port is closed; undefined when there is none. */
  closingOf(port: number): Promise<void> | undefined {
    return this.#closing.get(port);
  }

  get areClosing(): boolean {
    return this.#closing.size > 0;
  }

  /** Resolves when every pair that is closing now is closed. */
  async allClosed(): Promise<void> {
    await Promise.all(this.#closing.values());
  }
}

function settleable(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((settled) => {
    resolve = settled;
  });
  return { promise, resolve };
}
