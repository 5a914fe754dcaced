/** A UDP proxy before a relay's control socket, held by the test itself: it loses and forges what the test wants. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Scope } from './scope.ts';

export interface RtppProxyOptions {
  readonly port: number;
  /** Control port of the relay behind it. */
  readonly relayPort: number;
  /** So many datagrams are lost before the first one passes. */
  readonly lose?: number;
  /** Sent to each client before the relay's own first reply to it. */
  readonly first?: string;
}

export async function openRtppProxy(scope: Scope, { port, relayPort, lose = 0, first }: RtppProxyOptions) {
  const front = createSocket('udp4');
  /** A socket towards the relay for each client, so that replies find their way back. */
  const backs = new Map<number, Socket>();
  let seen = 0;
  const backFor = (client: RemoteInfo): Socket => {
    const known = backs.get(client.port);
    if (known !== undefined) {
      return known;
    }
    const back = createSocket('udp4');
    let isFirst = true;
    back.on('message', (reply) => {
      if (isFirst && first !== undefined) {
        front.send(first, client.port, client.address);
      }
      isFirst = false;
      front.send(reply, client.port, client.address);
    });
    backs.set(client.port, back);
    return back;
  };
  front.on('message', (command, client) => {
    seen += 1;
    if (seen > lose) {
      backFor(client).send(command, relayPort, '127.0.0.1');
    }
  });
  scope.defer(() => {
    for (const socket of [front, ...backs.values()]) {
      socket.close();
    }
  });
  front.bind(port, '127.0.0.1');
  await once(front, 'listening');
  return {
    /** Commands that came in, lost ones included. */
    get seen(): number {
      return seen;
    },
  };
}
