/** Tells a capture server (Homer) of every SIP message, by HEP3 over UDP. Nothing waits for it; what it misses is lost. */
import { createSocket, type Socket } from 'node:dgram';
import type { Log } from '../../observe/log.ts';
import { formatHep3 } from '../../sip/message/hep3.ts';
import { maskSecrets } from '../../sip/message/mask.ts';
import type { Flow } from '../../sip/transaction/flow.ts';
import { familyOf, isWildcard, type TransportAddress } from '../../wire/ip-address.ts';

export interface HepMirrorOptions {
  /** An IP address and port. */
  readonly target: TransportAddress;
  readonly captureId: number;
  readonly password: string | undefined;
  readonly log: Log;
}

/** Bytes that may wait in the socket; a server that is not reached costs no more. */
const MAX_WAITING_BYTES = 1 << 20;

export class HepMirror {
  readonly #options: HepMirrorOptions;
  readonly #socket: Socket;
  #hasFailed = false;
  #closed = false;

  constructor(options: HepMirrorOptions) {
    this.#options = options;
    this.#socket = createSocket(familyOf(options.target.address) === 6 ? 'udp6' : 'udp4');
    this.#socket.on('error', (err) => this.#failed(err));
    // It keeps nobody alive.
    this.#socket.unref();
  }

  /** Secrets are masked on the way. Never throws, never waits. */
  tell(at: number, sent: boolean, bytes: Uint8Array, flow: Flow): void {
    if (this.#closed || this.#socket.getSendQueueSize() > MAX_WAITING_BYTES) {
      return;
    }
    const { target, captureId, password } = this.#options;
    const own = isWildcard(flow.local.address) ? { ...flow.sentBy, port: flow.local.port } : flow.local;
    const [source, destination] = sent ? [own, flow.remote] : [flow.remote, own];
    const payload = Buffer.from(maskSecrets(Buffer.from(bytes).toString()));
    const isStream = flow.transport !== 'udp';
    const packet = formatHep3({ source, destination, isStream, at, captureId, password, payload });
    if (packet !== undefined) {
      this.#socket.send(packet, target.port, target.address, (err) => {
        if (err !== null) {
          this.#failed(err);
        }
      });
    }
  }

  /** Idempotent. */
  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#socket.close();
    }
  }

  /** Told once: each message would tell it again. */
  #failed(err: Error): void {
    if (!this.#hasFailed && !this.#closed) {
      this.#hasFailed = true;
      this.#options.log.warn({ err }, 'the capture server cannot be told of SIP messages; calls go on');
    }
  }
}
