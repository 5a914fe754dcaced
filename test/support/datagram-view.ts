/** The little of RTP and RTCP (RFC 3550 5.1, 6.1) that a test needs, written apart from what it tests. */

export interface RtpView {
  readonly payloadType: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Uint8Array;
}

/** RFC 5761 4: second octets 192…223 are RTCP packet types, everything else of version 2 is RTP. */
export function isRtcp(datagram: Uint8Array): boolean {
  const [first = 0, second = 0] = datagram;
  return datagram.length >= 8 && first >> 6 === 2 && second >= 192 && second <= 223;
}

export function viewRtp(datagram: Uint8Array): RtpView | undefined {
  const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  if (bytes.length < 12 || bytes.readUInt8(0) >> 6 !== 2 || isRtcp(bytes)) {
    return undefined;
  }
  const contributors = bytes.readUInt8(0) & 0x0f;
  return {
    payloadType: bytes.readUInt8(1) & 0x7f,
    sequenceNumber: bytes.readUInt16BE(2),
    timestamp: bytes.readUInt32BE(4),
    ssrc: bytes.readUInt32BE(8),
    payload: bytes.subarray(12 + contributors * 4),
  };
}

export function rtpDatagram(header: Omit<RtpView, 'payload'>, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + payload.length);
  bytes.writeUInt8(0x80, 0);
  bytes.writeUInt8(header.payloadType, 1);
  bytes.writeUInt16BE(header.sequenceNumber & 0xffff, 2);
  bytes.writeUInt32BE(header.timestamp >>> 0, 4);
  bytes.writeUInt32BE(header.ssrc >>> 0, 8);
  bytes.set(payload, 12);
  return bytes;
}

/** A compound packet: an empty receiver report and a CNAME, the least that RFC 3550 6.1 allows. */
export function rtcpDatagram(ssrc: number, cname: string): Buffer {
  const report = Buffer.alloc(8);
  report.writeUInt8(0x80, 0);
  report.writeUInt8(201, 1); // RR
  report.writeUInt16BE(1, 2);
  report.writeUInt32BE(ssrc >>> 0, 4);
  const text = Buffer.from(cname, 'utf8');
  const words = Math.ceil((4 + 2 + text.length + 1) / 4);
  const description = Buffer.alloc(4 + words * 4);
  description.writeUInt8(0x81, 0);
  description.writeUInt8(202, 1); // SDES
  description.writeUInt16BE(words, 2);
  description.writeUInt32BE(ssrc >>> 0, 4);
  description.writeUInt8(1, 8); // CNAME
  description.writeUInt8(text.length, 9);
  text.copy(description, 10);
  return Buffer.concat([report, description]);
}
