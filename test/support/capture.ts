/** What really went over a wire: tshark writes a capture file, this reads the UDP datagrams out of it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Program } from './program.ts';
import { type Scope, temporaryDirectory } from './scope.ts';

export interface CapturedDatagram {
  /** `address:port` */
  readonly from: string;
  readonly to: string;
  readonly payload: Uint8Array;
}

export interface Capture {
  /** What has been seen up to now; the last moments may still be on their way to the file. */
  soFar(): Promise<CapturedDatagram[]>;
  /** Ends the capture and returns what was seen, in order. */
  stop(): Promise<CapturedDatagram[]>;
}

/** Captures UDP on one interface of a namespace. Resolves when packets are being recorded. */
export async function startCapture(scope: Scope, namespace: string, device: string): Promise<Capture> {
  const path = join(await temporaryDirectory(scope), 'capture.pcap');
  const tshark = Program.start(scope, {
    name: `tshark-${namespace}`,
    command: ['tshark', '-i', device, '-n', '-q', '-F', 'pcap', '-w', path, '-f', 'udp'],
    namespace,
  });
  await tshark.waitForLine(/^Capture started|Capturing on/i, 20_000);
  return {
    soFar: async () => parsePcap(await readFile(path)),
    stop: async () => {
      tshark.signal('SIGINT');
      await tshark.waitForExit();
      return parsePcap(await readFile(path));
    },
  };
}

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const LINK_TYPE_ETHERNET = 1;
const ETHERTYPE_IPV4 = 0x0800;
const PROTOCOL_UDP = 17;

/** Reads the classic pcap format: Ethernet, IPv4, UDP without fragments; other packets are passed over. */
export function parsePcap(file: Buffer): CapturedDatagram[] {
  if (file.length < 24 || file.readUInt32LE(0) !== MAGIC_MICROSECONDS || file.readUInt32LE(20) !== LINK_TYPE_ETHERNET) {
    throw new Error('not a little-endian pcap file of an Ethernet interface');
  }
  const datagrams: CapturedDatagram[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const length = file.readUInt32LE(at + 8);
    if (at + 16 + length > file.length) {
      break; // still being written
    }
    const datagram = udpOf(file.subarray(at + 16, at + 16 + length));
    if (datagram !== undefined) {
      datagrams.push(datagram);
    }
    at += 16 + length;
  }
  return datagrams;
}

function udpOf(frame: Buffer): CapturedDatagram | undefined {
  if (frame.length < 14 + 20 + 8 || frame.readUInt16BE(12) !== ETHERTYPE_IPV4) {
    return undefined;
  }
  const packet = frame.subarray(14);
  const headerLength = (packet.readUInt8(0) & 0x0f) * 4;
  const fragmentOffset = packet.readUInt16BE(6) & 0x1fff;
  if (packet.readUInt8(9) !== PROTOCOL_UDP || fragmentOffset !== 0 || packet.length < headerLength + 8) {
    return undefined;
  }
  const segment = packet.subarray(headerLength);
  return {
    from: `${packet.subarray(12, 16).join('.')}:${segment.readUInt16BE(0)}`,
    to: `${packet.subarray(16, 20).join('.')}:${segment.readUInt16BE(2)}`,
    payload: segment.subarray(8, segment.readUInt16BE(4)),
  };
}
