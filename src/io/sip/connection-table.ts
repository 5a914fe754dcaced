/** The connections of one transport by remote address: how many there may be, and which of them goes first. */
import { formatTransportAddress, type TransportAddress } from '../../wire/ip-address.ts';

export interface KeptConnection {
  readonly remote: TransportAddress;
  /** A request of ours, or our acceptance of theirs, went over it: not a stranger's. */
  isTrusted: boolean;
  /** When bytes last came or went, monotonic milliseconds. */
  readonly usedAt: number;
  /** Why it has been open for too long, if it has. */
  overdue(now: number): string | undefined;
  /** Idempotent. */
  close(reason: string): void;
}

/** Of a connection over which nobody has proved anything: closed after so long a silence, milliseconds. */
export const STRANGER_LIMIT_MS = 120_000;

/** Bytes that may wait for a peer to read them. */
export const MAX_UNREAD_BYTES = 1024 * 1024;

/** How long a peer may take to close its side, too, milliseconds. */
export const LINGER_MS = 500;

/** Between looks for connections that were open for too long, milliseconds. */
export const SWEEP_MS = 10_000;

/** For the three-way handshake, that of TLS and that of HTTP; milliseconds. */
export const CONNECT_LIMIT_MS = 5000;

export class ConnectionTable<Connection extends KeptConnection> {
  readonly #maxConnections: number;
  readonly #connections = new Map<string, Connection>();

  /** @param maxConnections one more costs the one that was silent longest, a stranger's first */
  constructor(maxConnections: number) {
    this.#maxConnections = maxConnections;
  }

  get size(): number {
    return this.#connections.size;
  }

  get(remote: TransportAddress): Connection | undefined {
    return this.#connections.get(formatTransportAddress(remote));
  }

  all(): Iterable<Connection> {
    return this.#connections.values();
  }

  add(connection: Connection): void {
    this.#makeRoom();
    this.#connections.set(formatTransportAddress(connection.remote), connection);
  }

  /** Does nothing when another one has taken its place. */
  remove(connection: Connection): void {
    const key = formatTransportAddress(connection.remote);
    if (this.#connections.get(key) === connection) {
      this.#connections.delete(key);
    }
  }

  closeOverdue(now: number): void {
    for (const connection of this.#connections.values()) {
      const reason = connection.overdue(now);
      if (reason !== undefined) {
        connection.close(reason);
      }
    }
  }

  closeAll(reason: string): void {
    for (const connection of this.#connections.values()) {
      connection.close(reason);
    }
  }

  #makeRoom(): void {
    while (this.#connections.size >= this.#maxConnections) {
      const [first, ...others] = this.#connections;
      if (first === undefined) {
        return;
      }
      const [key, longest] = others.reduce((best, entry) => (isLessUseful(entry[1], best[1]) ? entry : best), first);
      this.#connections.delete(key);
      longest.close('more connections than there may be');
    }
  }
}

function isLessUseful(connection: KeptConnection, than: KeptConnection): boolean {
  return connection.isTrusted === than.isTrusted ? connection.usedAt < than.usedAt : than.isTrusted;
}

/** What only goes to somebody whom the server knows: a request, or the 2xx to a REGISTER or an INVITE. */
export function isSignOfTrust(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4096)).toString('latin1');
  return (
    !head.startsWith('SIP/') || (head.startsWith('SIP/2.0 2') && /\nCSeq: *[0-9]+ (REGISTER|INVITE)\r/i.test(head))
  );
}
