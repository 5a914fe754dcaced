/** One SIP OPTIONS to a local server: does it speak? Any response, also a refusal, is an answer. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { Flow } from '../../sip/transaction/flow.ts';
import type { CheckOutcome } from '../../supervisor/events.ts';
import { familyOf, formatHost, isLoopback, type TransportAddress } from '../../wire/ip-address.ts';

/** RFC 3261 17.1.1.2: T1; the request is sent again at T1, 3·T1, … until the limit. */
const T1_MS = 500;

/** Before 24 hexadecimal digits. */
const CALL_ID_PREFIX = 'ping-';

/**
 * @param limitMs how long an answer may take
 * @returns `refused` when the host says that nobody listens there, which is known at once
 */
export function pingSipOptions(target: TransportAddress, limitMs: number): Promise<CheckOutcome> {
  return new Promise((resolve) => {
    const socket = createSocket(familyOf(target.address) === 6 ? 'udp6' : 'udp4');
    const callId = `${CALL_ID_PREFIX}${randomBytes(12).toString('hex')}`;
    let retransmission: NodeJS.Timeout | undefined;
    let over = false;
    const limit = setTimeout(() => finish('silent'), limitMs);
    const finish = (outcome: CheckOutcome): void => {
      if (over) {
        return;
      }
      over = true;
      clearTimeout(limit);
      clearTimeout(retransmission);
      socket.close();
      resolve(outcome);
    };
    socket.on('error', (error: NodeJS.ErrnoException) => {
      finish(error.code === 'ECONNREFUSED' ? 'refused' : 'silent');
    });
    socket.on('message', (bytes) => {
      const text = bytes.toString('latin1');
      if (text.startsWith('SIP/2.0 ') && text.includes(callId)) {
        finish('answered');
      }
    });
    // Connected, so that a closed port is heard of and only the server itself can answer.
    socket.connect(target.port, target.address, () => {
      const local = socket.address();
      const request = optionsRequest(target, { address: local.address, port: local.port }, callId);
      const send = (pauseMs: number): void => {
        if (!over) {
          socket.send(request, (error) => error !== null && socket.emit('error', error));
          retransmission = setTimeout(() => send(pauseMs * 2), pauseMs);
        }
      };
      send(T1_MS);
    });
  });
}

/** This is such a request of a program on this host, or an answer to one. */
export function isOptionsPing(bytes: Uint8Array, { remote, sentBy }: Pick<Flow, 'remote' | 'sentBy'>): boolean {
  const isOfThisHost = isLoopback(remote.address) || remote.address === sentBy.address;
  if (!isOfThisHost || (bytes[0] !== OPTIONS_INITIAL && bytes[0] !== RESPONSE_INITIAL)) {
    return false;
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, LONGEST_PING)).toString('latin1');
  return text.includes(`\r\nCall-ID: ${CALL_ID_PREFIX}`) && text.includes('\r\nCSeq: 1 OPTIONS\r\n');
}

/** What comes before the end of its CSeq, in both. */
const LONGEST_PING = 1024;

/** Most others are told apart by their first byte. */
const OPTIONS_INITIAL = 0x4f;
const RESPONSE_INITIAL = 0x53;

/** RFC 3261 11.1; `rport` (RFC 3581) brings the answer back to the very socket. */
function optionsRequest(target: TransportAddress, local: TransportAddress, callId: string): string {
  const here = `${formatHost(local.address)}:${local.port}`;
  const there = `${formatHost(target.address)}:${target.port}`;
  const tag = randomBytes(6).toString('hex');
  return [
    `OPTIONS sip:${there} SIP/2.0`,
    `Via: SIP/2.0/UDP ${here};branch=z9hG4bK${tag};rport`,
    'Max-Forwards: 70',
    `From: <sip:ims-launch@${here}>;tag=${tag}`,
    `To: <sip:${there}>`,
    `Call-ID: ${callId}@${formatHost(local.address)}`,
    'CSeq: 1 OPTIONS',
    `Contact: <sip:ims-launch@${here}>`,
    'Accept: application/sdp',
    'User-Agent: ims-launch',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}
