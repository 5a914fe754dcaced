import { parseIpv4, parseIpv6, type TransportAddress } from '../../wire/ip-address.ts';

/** A datagram as it arrived. */
export interface RecordedPacket {
  readonly source: TransportAddress;
  readonly destination: TransportAddress;
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly payload: Uint8Array;
}

/** 4 or 16 bytes; `0.0.0.0` for what is no literal, which a socket never reports. */
export function addressBytes(address: string): Uint8Array {
  return parseIpv4(address) ?? parseIpv6(address) ?? new Uint8Array(4);
}
