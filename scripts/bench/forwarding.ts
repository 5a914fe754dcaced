/** Does a relay forward? One session, set up over RTPP, and RTP from one party to the other until it arrives. */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { within } from '../../test/support/wait.ts';

/** A command is sent again, with its cookie, and so is a packet, milliseconds. */
const COMMAND_AGAIN_MS = 5;
const PACKET_EVERY_MS = 2;
const LIMIT_MS = 60_000;

const RTP_HEADER = Buffer.from('8000000100000000', 'hex');
const PAYLOAD_BYTES = 160;

/**
 * Resolves when the first packet has crossed a new session of the relay. Refusals and silence are met with another
 * try, so it can be called while the relay is down.
 */
export async function untilForwarding(relayPort: number): Promise<void> {
  const control = createSocket('udp4');
  const caller = createSocket('udp4');
  const callee = createSocket('udp4');
  const sockets = [control, caller, callee];
  try {
    for (const socket of sockets) {
      // A refusal means that nobody is there yet.
      socket.on('error', () => {});
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
    }
    control.connect(relayPort, '127.0.0.1');
    await once(control, 'connect');
    const callId = `bench-${randomBytes(6).toString('hex')}`;
    await grantedPort(control, `U ${callId} 127.0.0.1 ${caller.address().port} from`);
    const port = await grantedPort(control, `L ${callId} 127.0.0.1 ${callee.address().port} from to`);
    await firstPacket(caller, callee, port);
    control.send(`${cookie()} D ${callId} from to`);
  } finally {
    for (const socket of sockets) {
      socket.close();
    }
  }
}

function cookie(): string {
  return randomBytes(8).toString('hex');
}

/** The port that the relay grants, asked for until it does. */
async function grantedPort(control: Socket, command: string): Promise<number> {
  const asked = cookie();
  const send = (): void => control.send(`${asked} ${command}`);
  const again = setInterval(send, COMMAND_AGAIN_MS);
  let listener: ((bytes: Buffer) => void) | undefined;
  try {
    const answered = new Promise<number>((resolve, reject) => {
      listener = (bytes) => {
        const [cookieBack, port = ''] = bytes.toString('latin1').trim().split(' ');
        if (cookieBack === asked) {
          /^[1-9][0-9]*$/.test(port) ? resolve(Number(port)) : reject(new Error(`"${command}" was answered ${port}`));
        }
      };
      control.on('message', listener);
    });
    send();
    return await within('the relay’s answer', LIMIT_MS, answered);
  } finally {
    clearInterval(again);
    control.off('message', listener ?? (() => {}));
  }
}

async function firstPacket(caller: Socket, callee: Socket, port: number): Promise<void> {
  const ssrc = randomBytes(4);
  const packet = Buffer.concat([RTP_HEADER, ssrc, Buffer.alloc(PAYLOAD_BYTES, 0x55)]);
  const arrived = new Promise<void>((resolve) => {
    callee.on('message', (bytes) => bytes.subarray(8, 12).equals(ssrc) && resolve());
  });
  let sequenceNumber = 1;
  const send = (): void => {
    packet.writeUInt16BE(sequenceNumber++ & 0xffff, 2);
    caller.send(packet, port, '127.0.0.1');
  };
  send();
  const again = setInterval(send, PACKET_EVERY_MS);
  try {
    await within('a forwarded packet', LIMIT_MS, arrived);
  } finally {
    clearInterval(again);
  }
}
