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

export interface Exchange {
  readonly cookie: string;
  readonly command: string;
  /** Without its line end. */
  readonly reply: string;
}

export interface RtppProxy {
  /** Commands that came in, lost ones included. */
  readonly seen: number;
  /** What the relay has answered so far, in the order of its answers. */
  readonly exchanges: readonly Exchange[];
}

export async function openRtppProxy(
  scope: Scope,
  { port, relayPort, lose = 0, first }: RtppProxyOptions,
): Promise<RtppProxy> {
  const front = createSocket('udp4');
  /** A socket towards the relay for each client, so that replies find their way back. */
  const backs = new Map<number, Socket>();
  let seen = 0;
  const exchanges: Exchange[] = [];
  /** Commands without an answer, by client and cookie. */
  const pending = new Map<string, string>();
  const backFor = (client: RemoteInfo): Socket => {
    const known = backs.get(client.port);
    if (known !== undefined) {
      return known;
    }
    const back = createSocket('udp4');
    let isFirst = true;
    back.on('message', (reply) => {
      const [, cookie = '', text = ''] = /^(\S+) ?(.*?)\n?$/s.exec(reply.toString('latin1')) ?? [];
      const command = pending.get(`${client.port} ${cookie}`);
      if (command !== undefined) {
        exchanges.push({ cookie, command, reply: text });
      }
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
      const [, cookie = '', text = ''] = /^(\S+) (.*)$/s.exec(command.toString('latin1')) ?? [];
      pending.set(`${client.port} ${cookie}`, text);
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
    get seen() {
      return seen;
    },
    exchanges,
  };
}
