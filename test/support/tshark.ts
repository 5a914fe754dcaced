/** tshark as the judge of a file: what it decodes as RTP. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parsePcap } from './capture.ts';

/** RTCP by its packet types, RFC 5761 section 4. */
function isRtcp(payload: Uint8Array): boolean {
  const type = payload[1] ?? 0;
  return type >= 192 && type <= 223;
}

/**
 * The named fields of each RTP packet in a file of IPv4, in order.
 * tshark is told which ports are RTP: ours are random, and one of them may be the well-known port of another protocol.
 * @param preferences as after tshark's `-o`, such as `udp.check_checksum:TRUE`
 */
export function rtpIn(path: string, fields: readonly string[], preferences: readonly string[] = []): string[][] {
  const ports = new Set<string>();
  for (const { from, to, payload } of parsePcap(readFileSync(path))) {
    if (!isRtcp(payload)) {
      ports.add(portOf(from)).add(portOf(to));
    }
  }
  const args = [
    ...['-r', path, '-Y', 'rtp', '-T', 'fields'],
    ...[...ports].flatMap((port) => ['-d', `udp.port==${port},rtp`]),
    ...preferences.flatMap((preference) => ['-o', preference]),
    ...fields.flatMap((field) => ['-e', field]),
  ];
  const output = execFileSync('tshark', args, { encoding: 'utf8' }).trim();
  return output === '' ? [] : output.split('\n').map((row) => row.split('\t'));
}

function portOf(endpoint: string): string {
  return endpoint.slice(endpoint.lastIndexOf(':') + 1);
}
