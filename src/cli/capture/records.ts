/** Records of a pcap: those that the relay made of media, and ours of SIP messages. */
import { HOST_IS_LITTLE_ENDIAN } from '../../relay/recording/host-order.ts';
import { formatPcapPacket } from '../../relay/recording/pcap.ts';
import type { TracedMessage } from '../../sip/message/traced-message.ts';
import { parseEndpoint } from '../../wire/ip-address.ts';
import type { TimedRecord } from './time-merge.ts';

const HEADER_BYTES = 16;

/** A UDP datagram that never was has to fit the length of an IP packet: what is longer came over TCP, and is cut. */
const MAX_MESSAGE_BYTES = 65_400;

/** A message of any transport as the UDP datagram that tools take for SIP. Undefined: its addresses cannot be told. */
export function sipRecord({ at, direction, local, remote, text }: TracedMessage): TimedRecord | undefined {
  const [here, there] = [parseEndpoint(local), parseEndpoint(remote)];
  if (here === undefined || there === undefined) {
    return undefined;
  }
  const [source, destination] = direction === 'sent' ? [here, there] : [there, here];
  const payload = Buffer.from(text).subarray(0, MAX_MESSAGE_BYTES);
  return { at, bytes: formatPcapPacket({ source, destination, at, payload }) };
}

/** Takes them apart as `formatPcapPacket` has made them; what is left of a broken one is left out. */
export function splitRecords(bytes: Uint8Array): TimedRecord[] {
  const records: TimedRecord[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let start = 0; start + HEADER_BYTES <= bytes.length; ) {
    const end = start + HEADER_BYTES + view.getUint32(start + 8, HOST_IS_LITTLE_ENDIAN);
    if (end > bytes.length) {
      break;
    }
    const seconds = view.getUint32(start, HOST_IS_LITTLE_ENDIAN);
    const microseconds = view.getUint32(start + 4, HOST_IS_LITTLE_ENDIAN);
    records.push({ at: seconds * 1000 + microseconds / 1000, bytes: bytes.subarray(start, end) });
    start = end;
  }
  return records;
}
