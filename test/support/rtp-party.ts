/** A phone's media side: an RTP and an RTCP socket that send what one can recognise and keep what they get. */

import { randomInt } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRtcp, rtcpDatagram, rtpDatagram, viewRtp } from './datagram-view.ts';
import { freePortRange } from './ports.ts';
import type { Scope } from './scope.ts';
import { waitFor } from './wait.ts';

export interface ReceivedPacket {
  /** Port that the packet came from. */
  readonly fromPort: number;
  readonly bytes: Buffer;
}

/** Bytes of a G.711 packet of 20 ms. */
const PAYLOAD_BYTES = 160;
const PACKET_INTERVAL_MS = 20;

export class RtpParty {
  readonly name: string;
  readonly address: string;
  /** RTP port; RTCP is the next one. */
  readonly port: number;
  readonly ssrc = randomInt(1, 2 ** 32 - 1);
  readonly rtp: ReceivedPacket[] = [];
  readonly rtcp: ReceivedPacket[] = [];
  readonly #rtpSocket: Socket;
  readonly #rtcpSocket: Socket;
  #sequenceNumber = 0;

  private constructor(name: string, address: string, port: number, sockets: readonly [Socket, Socket]) {
    this.name = name;
    this.address = address;
    this.port = port;
    [this.#rtpSocket, this.#rtcpSocket] = sockets;
    this.#rtpSocket.on('message', (bytes: Buffer, from: RemoteInfo) => {
      (isRtcp(bytes) ? this.rtcp : this.rtp).push({ fromPort: from.port, bytes });
    });
    this.#rtcpSocket.on('message', (bytes: Buffer, from: RemoteInfo) => {
      this.rtcp.push({ fromPort: from.port, bytes });
    });
    for (const socket of sockets) {
      // An ICMP "port unreachable" is no reason to fail: the counters say what arrived.
      socket.on('error', () => {});
    }
  }

  static async open(scope: Scope, name: string, address = '127.0.0.1'): Promise<RtpParty> {
    for (let attempt = 0; ; attempt++) {
      const port = freePortRange(2);
      const type = address.includes(':') ? 'udp6' : 'udp4';
      const sockets = [createSocket(type), createSocket(type)] as const;
      try {
        await bind(sockets[0], port, address);
        await bind(sockets[1], port + 1, address);
      } catch (error) {
        closeAll(sockets);
        if (attempt === 20) {
          throw error;
        }
        continue;
      }
      scope.defer(() => closeAll(sockets));
      return new RtpParty(name, address, port, sockets);
    }
  }

  /** Sends `count` packets of 20 ms and one RTCP packet to a relay's port pair, at the pace of speech. */
  async talk(to: { readonly address: string; readonly port: number }, count = 25): Promise<void> {
    this.#rtcpSocket.send(rtcpDatagram(this.ssrc, `${this.name}@test`), to.port + 1, to.address);
    const startedAt = performance.now();
    for (let i = 0; i < count; i++) {
      const sequenceNumber = this.#sequenceNumber++;
      const header = { payloadType: 0, sequenceNumber, timestamp: sequenceNumber * PAYLOAD_BYTES, ssrc: this.ssrc };
      this.#rtpSocket.send(rtpDatagram(header, this.#payload(sequenceNumber)), to.port, to.address);
      // By the clock: on a busy machine each pause is too long, and speech does not slow down.
      await sleep(Math.max(0, startedAt + (i + 1) * PACKET_INTERVAL_MS - performance.now()));
    }
  }

  /** Sends datagrams as they are from the RTP port, at the pace of speech. */
  async sendRtp(
    to: { readonly address: string; readonly port: number },
    datagrams: readonly Uint8Array[],
  ): Promise<void> {
    for (const datagram of datagrams) {
      this.#rtpSocket.send(datagram, to.port, to.address);
      await sleep(PACKET_INTERVAL_MS);
    }
  }

  /** RTP packets received so far that `other` sent, byte for byte. */
  heardFrom(other: RtpParty): ReceivedPacket[] {
    return this.rtp.filter(({ bytes }) => {
      const view = viewRtp(bytes);
      return view?.ssrc === other.ssrc && other.#payload(view.sequenceNumber).equals(view.payload);
    });
  }

  /** RTCP packets received so far that `other` sent. */
  reportsFrom(other: RtpParty): ReceivedPacket[] {
    const sent = rtcpDatagram(other.ssrc, `${other.name}@test`);
    return this.rtcp.filter(({ bytes }) => bytes.equals(sent));
  }

  async waitUntilHeard(other: RtpParty, count: number): Promise<void> {
    await waitFor(`${count} RTP packets and RTCP of ${other.name} at ${this.name}`, () => {
      return this.heardFrom(other).length >= count && this.reportsFrom(other).length > 0;
    });
  }

  /** Differs for each party and each packet. */
  #payload(sequenceNumber: number): Buffer {
    return Buffer.alloc(PAYLOAD_BYTES, `${this.name} ${this.ssrc} ${sequenceNumber} `);
  }
}

/**
 * Both talk at the same time, until each has heard most of the other. The first packets may be lost while the relay learns where
 * to send them, so a fifth may be missing.
 */
export async function converse(
  one: { readonly party: RtpParty; readonly to: { readonly address: string; readonly port: number } },
  other: { readonly party: RtpParty; readonly to: { readonly address: string; readonly port: number } },
  count = 25,
): Promise<void> {
  await Promise.all([one.party.talk(one.to, count), other.party.talk(other.to, count)]);
  const enough = Math.floor(count * 0.8);
  await one.party.waitUntilHeard(other.party, enough);
  await other.party.waitUntilHeard(one.party, enough);
}

function bind(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

function closeAll(sockets: readonly Socket[]): void {
  for (const socket of sockets) {
    socket.close();
  }
}

/** Talks until the test ends, or until what it returns is called: then the last packet has been sent. */
export function keepTalking(scope: Scope, party: RtpParty, port: number): () => Promise<void> {
  let over = false;
  const talk = async (): Promise<void> => {
    while (!over) {
      await party.talk({ address: '127.0.0.1', port }, 10);
    }
  };
  const talking = talk();
  const stop = async (): Promise<void> => {
    over = true;
    await talking;
  };
  scope.defer(stop);
  return stop;
}

/** An offer or answer with one stream of G.711, at the party. */
export function sdpOf({ port }: RtpParty): string {
  return `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${port} RTP/AVP 0\r\n`;
}
