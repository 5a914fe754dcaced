/** So many users register with digest, each from a Contact of its own: how fast, at what cost, and what they weigh. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerChallenge } from '../../../src/sip/auth/digest-client.ts';
import type { SipMessage, SipRequest } from '../../../src/sip/message/message.ts';
import { parseMessage } from '../../../src/sip/message/parse.ts';
import { freeUdpPort } from '../../../test/support/ports.ts';
import { createScope, temporaryDirectory } from '../../../test/support/scope.ts';
import { cpuMs } from '../cpu.ts';
import { startImsServer } from './ims-server.ts';
import { pssKib, sumOf } from './process-figures.ts';
import type { RegistrationFigures } from './results.ts';

const PASSWORD = 'for the bench';

/** Requests without an answer at one time; one that has none after RESEND_MS is sent again. */
const IN_FLIGHT = 64;
const RESEND_MS = 1000;

/** When answered requests need not be repeated any more (RFC 3261 17.2.2, timer J) only what is registered is left. */
const SETTLED_MS = 40_000;

/** A server that answers nothing for so long has failed. */
const STALL_MS = 30_000;

interface Pending {
  bytes: Uint8Array;
  sentAt: number;
}

export async function benchRegistrations(count: number): Promise<RegistrationFigures> {
  const { scope, close } = createScope();
  try {
    const directory = await temporaryDirectory(scope);
    const sipPort = await freeUdpPort();
    const users = Object.fromEntries(Array.from({ length: count }, (_, index) => [userOf(index), PASSWORD]));
    const relay = { port: await freeUdpPort(), minPort: 40_000, maxPort: 40_099 };
    const program = await startImsServer(scope, { directory, sipPort, relay, users });
    const pids = program.processes().map(({ pid }) => pid);
    const mibBefore = sumOf(pids, pssKib) / 1024;
    const cpuBefore = sumOf(pids, cpuMs);
    const socket = createSocket('udp4');
    scope.defer(() => void socket.close());
    socket.connect(sipPort, '127.0.0.1');
    await once(socket, 'connect');
    const beganAt = performance.now();
    await registerAll(socket, count, sipPort);
    const seconds = (performance.now() - beganAt) / 1000;
    const cpu = sumOf(pids, cpuMs) - cpuBefore;
    await sleep(SETTLED_MS);
    const mibAfter = sumOf(pids, pssKib) / 1024;
    return { count, perSecond: count / seconds, cpuMsEach: cpu / count, mibBefore, mibAfter };
  } finally {
    await close();
  }
}

function userOf(index: number): string {
  return `user${index}`;
}

function registerAll(socket: Socket, count: number, sipPort: number): Promise<void> {
  const pending = new Map<string, Pending>();
  let next = 0;
  let done = 0;
  let heardAt = performance.now();
  let resolve = (): void => {};
  let reject = (_error: Error): void => {};
  const promise = new Promise<void>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  const send = (callId: string, bytes: Uint8Array): void => {
    pending.set(callId, { bytes, sentAt: performance.now() });
    socket.send(bytes);
  };
  const fill = (): void => {
    while (pending.size < IN_FLIGHT && next < count) {
      const user = userOf(next++);
      send(user, requestOf(user, sipPort, 1));
    }
  };
  socket.on('message', (bytes) => {
    heardAt = performance.now();
    const message = parseMessage(bytes);
    const callId = message.ok ? (message.value.headers.get('Call-ID') ?? '') : '';
    const waiting = pending.get(callId);
    if (!message.ok || message.value.kind !== 'response' || waiting === undefined) {
      return;
    }
    const { status } = message.value;
    if (status === 401 && !isSigned(waiting.bytes)) {
      const request = asRequest(waiting.bytes);
      const credentials = answerChallenge(message.value, request, {
        username: callId,
        password: PASSWORD,
        cnonce: 'c',
      });
      send(callId, requestOf(callId, sipPort, 2, credentials?.join(': ')));
    } else if (status === 200) {
      pending.delete(callId);
      done += 1;
      fill();
    } else if (status !== 401) {
      reject(new Error(`REGISTER of ${callId} was answered ${status}`));
    }
  });
  const watch = setInterval(() => {
    const now = performance.now();
    if (done === count) {
      resolve();
    } else if (now - heardAt > STALL_MS) {
      reject(new Error(`nothing was heard for ${STALL_MS} ms, after ${done} registrations`));
    }
    for (const [callId, { bytes, sentAt }] of pending) {
      if (now - sentAt > RESEND_MS) {
        send(callId, bytes);
      }
    }
  }, 20);
  fill();
  return promise.finally(() => clearInterval(watch));
}

function requestOf(user: string, sipPort: number, cseq: number, credentials?: string): Uint8Array {
  const lines = [
    `REGISTER sip:127.0.0.1:${sipPort} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK${user}-${cseq};rport`,
    'Max-Forwards: 70',
    `From: <sip:${user}@127.0.0.1>;tag=${user}`,
    `To: <sip:${user}@127.0.0.1>`,
    `Call-ID: ${user}`,
    `CSeq: ${cseq} REGISTER`,
    `Contact: <sip:${user}@127.0.0.1:9>`,
    'Expires: 3600',
    ...(credentials === undefined ? [] : [credentials]),
    'Content-Length: 0',
    '\r\n',
  ];
  return Buffer.from(lines.join('\r\n'));
}

function isSigned(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).includes('\r\nAuthorization:');
}

function asRequest(bytes: Uint8Array): SipRequest {
  const message = parseMessage(bytes);
  const value: SipMessage | undefined = message.ok ? message.value : undefined;
  if (value?.kind !== 'request') {
    throw new Error('the bench made a request that does not parse');
  }
  return value;
}
