/** Asks a relay over its control socket, as any RTPP client over UDP does. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { within } from './wait.ts';

/** The reply to one command, without cookie and line end. Sent once: loopback loses nothing. */
export async function askRelay(
  port: number,
  command: string,
  timeoutMs = 10_000,
  address = '127.0.0.1',
): Promise<string> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  try {
    const cookie = randomBytes(6).toString('hex');
    socket.connect(port, address);
    await once(socket, 'connect');
    const reply = once(socket, 'message');
    socket.send(`${cookie} ${command}`);
    const [bytes] = (await within(`the relay's reply to "${command}"`, timeoutMs, reply)) as [Buffer];
    return bytes.toString('utf8').replace(`${cookie} `, '').trimEnd();
  } finally {
    socket.close();
  }
}

/** Whether a relay answers at this moment. */
export async function relayAnswers(port: number): Promise<boolean> {
  return await askRelay(port, 'V', 200).then(
    () => true,
    () => false,
  );
}

/** Sessions that the relay holds at this moment. */
export async function activeSessions(port: number): Promise<number> {
  const reply = await askRelay(port, 'I');
  const count = /^active sessions: (\d+)$/m.exec(reply)?.[1];
  if (count === undefined) {
    throw new Error(`the relay answered "I" with ${JSON.stringify(reply)}`);
  }
  return Number(count);
}
