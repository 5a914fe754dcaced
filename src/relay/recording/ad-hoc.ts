/**
 * rtpproxy's own format of recordings: packets, each behind 30 bytes. Numbers in the order of the host, but the port.
 *
 *     0        2       4                     20         28        30
 *     | family | port  | address, then zeros | seconds  | length  | packet …
 *       u16      u16 BE  4 (IPv4), 16 (IPv6)   double     u16
 *                                              since 1970
 */
import { HOST_IS_LITTLE_ENDIAN } from './host-order.ts';

import { addressBytes, type RecordedPacket } from './recorded-packet.ts';

const HEADER_BYTES = 30;
const AF_INET = 2;
const AF_INET6 = 10;

export function formatAdHoc({ source, at, payload }: RecordedPacket): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  const address = addressBytes(source.address);
  view.setUint16(0, address.length === 4 ? AF_INET : AF_INET6, HOST_IS_LITTLE_ENDIAN);
  view.setUint16(2, source.port);
  bytes.set(address, 4);
  view.setFloat64(20, at / 1000, HOST_IS_LITTLE_ENDIAN);
  view.setUint16(28, payload.length, HOST_IS_LITTLE_ENDIAN);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}
