/**
 * A host on the Internet: sends what `Attacker` makes, from many addresses in turn, until its standard input ends.
 * `node attacker.js '{"sources":["203.0.113.1",…],…}'`; the last line of its output is a line of JSON.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { ATTACKS, Attacker } from './attack.ts';

/** `callIds`: how sipp names its calls, with `#` in the place of the number. */
export interface AttackOrders {
  readonly sources: readonly string[];
  readonly address: string;
  readonly port: number;
  readonly packetsPerSecond: number;
  readonly seed: number;
  readonly calls: number;
  readonly callId: string;
  readonly fromTag: string;
  readonly caller: string;
  readonly callee: string;
  readonly overheard: string;
}

export interface AttackReport {
  readonly sent: Readonly<Record<string, number>>;
  readonly answers: number;
}

const TICK_MS = 5;
/** More at once would only fill the socket's buffer. */
const MAX_BURST = 500;

const orders = JSON.parse(process.argv[2] ?? '{}') as AttackOrders;
const attacker = new Attacker(
  {
    ...orders,
    callOf: (call) => ({
      callId: orders.callId.replace('#', `${call}`),
      fromTag: orders.fromTag.replace('#', `${call}`),
    }),
  },
  orders.seed,
);

const sent: Record<string, number> = Object.fromEntries(ATTACKS.map((kind) => [kind, 0]));
let count = 0;
let answers = 0;

const sockets = await Promise.all(
  orders.sources.map(async (source) => {
    const socket = createSocket({ type: 'udp4', sendBufferSize: 1 << 20 });
    socket.on('error', () => {});
    socket.on('message', () => {
      answers += 1;
    });
    socket.bind(0, source);
    await once(socket, 'listening');
    return socket;
  }),
);
const names = sockets.map((socket) => `${socket.address().address}:${socket.address().port}`);

const startedAt = performance.now();
const timer = setInterval(() => {
  const due = ((performance.now() - startedAt) * orders.packetsPerSecond) / 1000;
  for (let burst = 0; count < due && burst < MAX_BURST; burst += 1) {
    const source = count % sockets.length;
    const { kind, bytes } = attacker.next(names[source] ?? '');
    sockets[source]?.send(bytes, orders.port, orders.address);
    sent[kind] = (sent[kind] ?? 0) + 1;
    count += 1;
  }
}, TICK_MS);

process.stdin.resume();
await once(process.stdin, 'end');
clearInterval(timer);
console.log(JSON.stringify({ sent, answers } satisfies AttackReport));
for (const socket of sockets) {
  socket.close();
}
