/** The load generator in front of a relay that errs on purpose: each error must be seen, and none invented. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Generator, type Oddities } from '../../../../scripts/bench/relay/generator.ts';

const RELAY = '127.0.0.7';
const PARTIES = ['127.0.0.8', '127.0.0.9'] as const;
/** Two blocks of sockets, so that a call can be heard at another one's. */
const FAR_SLOT = 64;
const CAPACITY = 65;

/** What to do with the nth RTP packet towards a party: send it from these, as it then is. */
type Fault = (packet: Buffer, count: number, legs: Legs) => readonly { bytes: Buffer; from: Socket; port?: number }[];

interface Legs {
  /** The relay's socket towards the party that is to hear it, and another one of its sockets. */
  readonly right: Socket;
  readonly wrong: Socket;
  /** The party's port in the other call. */
  readonly foreignPort: number;
}

const faithfully: Fault = (bytes, _count, { right }) => [{ bytes, from: right }];

interface Outcome {
  readonly lost: number;
  readonly sent: number;
  readonly odd: Oddities;
  readonly maxDelayUs: number;
}

/** Two calls, some hundred milliseconds; one of the two has the fault, in the direction of its callee. */
async function runThrough(t: TestContext, fault: Fault): Promise<Outcome> {
  const generator = new Generator({ capacity: CAPACITY, relayAddress: RELAY, addresses: PARTIES });
  t.after(() => generator.close());
  for (const [index, slot] of [0, FAR_SLOT].entries()) {
    const [caller, callee] = generator.portsOf(slot);
    const foreignPort = generator.portsOf(slot === 0 ? FAR_SLOT : 0)[1];
    const toCaller = await openPair(t);
    const toCallee = await openPair(t);
    let count = 0;
    for (const kind of [0, 1] as const) {
      const [near, far] = [toCaller.sockets[kind], toCallee.sockets[kind]];
      near.on('message', (bytes) => {
        const apply = kind === 0 && index === 0 ? fault : faithfully;
        for (const out of apply(bytes, count++, { right: far, wrong: near, foreignPort })) {
          out.from.send(out.bytes, (out.port ?? callee) + kind, PARTIES[1]);
        }
      });
      far.on('message', (bytes) => far === near || near.send(bytes, caller + kind, PARTIES[0]));
    }
    generator.start({ slot, serial: index + 1, ports: [toCaller.port, toCallee.port] });
  }
  await ticks(generator, 20);
  generator.mark();
  await ticks(generator, 600);
  generator.stopAll();
  await ticks(generator, 100);
  const { rtp, rtcp } = generator.totals();
  return {
    lost: rtp.sent + rtcp.sent - rtp.received - rtcp.received,
    sent: rtp.sent,
    odd: { ...generator.odd },
    maxDelayUs: generator.delay.max,
  };
}

async function ticks(generator: Generator, count: number): Promise<void> {
  for (let tick = 0; tick < count; tick++) {
    generator.tick();
    await turn();
  }
}

async function openPair(t: TestContext): Promise<{ port: number; sockets: readonly [Socket, Socket] }> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const rtp = createSocket('udp4').bind(0, RELAY);
    await once(rtp, 'listening');
    const { port } = rtp.address();
    const rtcp = createSocket('udp4');
    const bound = once(rtcp, 'listening').then(
      () => true,
      () => false,
    );
    rtcp.bind(port + 1, RELAY);
    if (port < 65_535 && (await bound)) {
      t.after(() => Promise.all([closed(rtp), closed(rtcp)]));
      return { port, sockets: [rtp, rtcp] };
    }
    await Promise.all([closed(rtp), closed(rtcp)]);
  }
  throw new Error('no pair of ports');
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}

const SOUND: Oddities = {
  duplicate: 0,
  reordered: 0,
  misdelivered: 0,
  wrongSource: 0,
  corrupt: 0,
  stale: 0,
  refused: 0,
};

test('through a faithful relay nothing is lost and nothing is odd', async (t) => {
  const { lost, sent, odd, maxDelayUs } = await runThrough(t, faithfully);
  assert.equal(lost, 0);
  assert.deepEqual(odd, SOUND);
  assert.ok(sent >= 20, `${sent} packets were sent`);
  assert.ok(maxDelayUs > 0);
});

test('what a relay drops is missing', async (t) => {
  const { lost, odd } = await runThrough(t, (bytes, count, { right }) =>
    count % 3 === 2 ? [] : [{ bytes, from: right }],
  );
  assert.ok(lost >= 2, `${lost} lost`);
  assert.deepEqual(odd, SOUND);
});

const FAULTS: readonly (readonly [keyof Oddities, string, Fault])[] = [
  ['duplicate', 'sent twice', (bytes, _count, { right }) => [1, 2].map(() => ({ bytes, from: right }))],
  ['wrongSource', 'sent from another port', (bytes, _count, { wrong }) => [{ bytes, from: wrong }]],
  [
    'corrupt',
    'changed in one byte',
    (bytes, _count, { right }) => [{ bytes: flip(bytes, bytes.length - 1), from: right }],
  ],
  ['corrupt', 'cut by a byte', (bytes, _count, { right }) => [{ bytes: bytes.subarray(1), from: right }]],
  ['stale', 'of another call', (bytes, _count, { right }) => [{ bytes: flip(bytes, 28), from: right }]],
  [
    'misdelivered',
    'delivered to another call',
    (bytes, _count, { right, foreignPort }) => [{ bytes, from: right, port: foreignPort }],
  ],
];

for (const [kind, what, fault] of FAULTS) {
  test(`a packet ${what} is ${kind}`, async (t) => {
    const { lost, odd } = await runThrough(t, fault);
    assert.ok(odd[kind] >= 4, `${JSON.stringify(odd)}`);
    assert.deepEqual({ ...odd, [kind]: 0 }, SOUND);
    assert.equal(lost > 0, kind !== 'duplicate', `${lost} lost`);
  });
}

test('a packet that overtakes another one is no loss', async (t) => {
  let held: Buffer | undefined;
  const { lost, odd } = await runThrough(t, (bytes, _count, { right }) => {
    if (held === undefined) {
      held = bytes;
      return [];
    }
    const pair = [
      { bytes, from: right },
      { bytes: held, from: right },
    ];
    held = undefined;
    return pair;
  });
  assert.ok(odd.reordered >= 2, JSON.stringify(odd));
  assert.ok(lost <= 1, `${lost} lost`);
  assert.deepEqual({ ...odd, reordered: 0 }, SOUND);
});

function flip(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}
