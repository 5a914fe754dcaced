import { createSocket, type Socket } from 'node:dgram';
import type { AddressFamily } from '../../wire/ip-address.ts';
import type { ControlPeer } from '../relay-driver.ts';
import type { ControlHandler, ControlSocket } from './control-socket.ts';

/** Bursts of a busy proxy; the system may grant less. */
const RECEIVE_BUFFER_BYTES = 1024 * 1024;

export interface UdpControlAddress {
  readonly family: AddressFamily;
  /** Bind here, or take over a descriptor that is bound already. */
  readonly bind: { readonly address: string; readonly port: number } | { readonly fd: number };
}

/** Rejects with the system's error. */
export async function openUdpControl(address: UdpControlAddress, handler: ControlHandler): Promise<ControlSocket> {
  const socket = await bound(address);
  const local = socket.address();
  socket.on('message', (datagram, { address: host, port }) => {
    if (handler.admits(host, local.address)) {
      handler.command(new DatagramPeer(socket, host, port), datagram.toString('latin1'));
    }
  });
  socket.on('error', () => {
    // A reply that could not be delivered (ECONNREFUSED): the client will ask again, or is gone.
  });
  let open = true;
  return {
    // As `-s` takes it.
    name: `${local.family === 'IPv6' ? 'udp6' : 'udp'}:${local.address}:${local.port}`,
    address: local.address,
    port: local.port,
    path: undefined,
    async close() {
      if (open) {
        open = false;
        await new Promise<void>((resolve) => socket.close(() => resolve()));
      }
    },
  };
}

class DatagramPeer implements ControlPeer {
  readonly kind = 'datagram';
  readonly host: string;
  readonly #port: number;
  readonly #socket: Socket;

  constructor(socket: Socket, host: string, port: number) {
    this.#socket = socket;
    this.host = host;
    this.#port = port;
  }

  get source(): string {
    return `${this.host}:${this.#port}`;
  }

  reply(text: string): void {
    try {
      this.#socket.send(Buffer.from(text, 'latin1'), this.#port, this.host, ignore);
    } catch {
      // The socket was closed while the command waited, or the sender's port was 0.
    }
  }
}

function ignore(): void {
  // A lost reply: the client retransmits, and the cache answers.
}

function bound({ family, bind }: UdpControlAddress): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: family === 4 ? 'udp4' : 'udp6',
      reuseAddr: false,
      ipv6Only: family === 6,
      // Replies go to addresses that datagrams have come from: nothing is to be resolved, nor waited for.
      lookup: (address, _options, found) => found(null, address, family),
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
        // The system's default has to do.
      }
      resolve(socket);
    });
    socket.bind({ ...bind, exclusive: true });
  });
}
