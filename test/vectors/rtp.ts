/** RTP and RTCP packets as octets. Origin: laid out by hand after the diagrams of RFC 3550 that each row names. */

export interface RtpVector {
  readonly name: string;
  readonly section: string;
  /** Blanks are for the reader. */
  readonly hex: string;
}

export const RTP_VECTORS = {
  pcmu: {
    name: 'PCMU, marker set, four octets of payload',
    section: '5.1',
    hex: '80 80 1234 000000a0 deadbeef ff7f7fff',
  },
  full: {
    name: 'two CSRCs, an extension of one word, three octets of padding',
    section: '5.3.1',
    hex: 'b2 60 ffff fffffff0 00000001  0000000a 0000000b  bede0001 10aa0000  c0ffee  000003',
  },
  empty: { name: 'no payload (a keep-alive)', section: '5.1', hex: '80 14 0001 00000000 01020304' },
} as const satisfies Record<string, RtpVector>;

export const RTCP_VECTORS = {
  senderReport: {
    name: 'SR with one report block, then SDES with a CNAME that ends on a word, then BYE with a reason',
    section: '6.1',
    hex:
      '81 c8 000c  deadbeef  e6f1c2d3 80000000  00013880 000003e8 00027100 ' +
      '0badf00d 40 fffffe 00010005 00000011 c2d38000 00010000 ' +
      '81 ca 0004  deadbeef  01 07 612e6240632e64  00 0000 ' +
      '81 cb 0002  deadbeef  03 627965',
  },
  empty: {
    name: 'RR without blocks and SDES',
    section: '6.4.2',
    hex: '80 c9 0001 01020304  81 ca 0003 01020304 0103 783a79 000000',
  },
  application: { name: 'APP of subtype 5', section: '6.7', hex: '85 cc 0003 01020304 54455354 cafebabe' },
  feedback: {
    name: 'generic NACK of RFC 4585 6.2.1, kept unread',
    section: '6.1',
    hex: '81 cd 0003 01020304 0badf00d 00070003',
  },
} as const satisfies Record<string, RtpVector>;

export function fromHex(hex: string): Uint8Array {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}
