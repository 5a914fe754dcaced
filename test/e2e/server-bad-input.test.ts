/** The shipped ims-server against everything that a network may send it: it answers what can be answered, and lives. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { freeUdpPort } from '../support/ports.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { waitFor } from '../support/wait.ts';
import { RFC4475, type TortureMessage } from '../vectors/sip/rfc4475.ts';

interface Peer {
  readonly port: number;
  /** Status and Call-ID of each response so far. */
  readonly answers: { readonly status: number; readonly callId: string }[];
  send(bytes: Uint8Array): Promise<void>;
}

async function startServer(scope: Scope): Promise<{ server: Program; port: number }> {
  const directory = await temporaryDirectory(scope);
  const [port, relayPort] = [await freeUdpPort(), await freeUdpPort()];
  const config = join(directory, 'config.json');
  const settings = {
    SERVER_ADDR: '127.0.0.1',
    SERVER_PORT: port,
    dataDir: directory,
    relay: { port: relayPort, minPort: 40_000, maxPort: 40_099 },
  };
  await writeFile(config, JSON.stringify(settings));
  const server = Program.start(scope, {
    name: 'ims-server',
    command: [process.execPath, binary('ims-server'), '--config', config],
    cwd: directory,
  });
  await server.waitForLine(/IMS ready/);
  return { server, port };
}

async function openPeer(scope: Scope, serverPort: number): Promise<Peer> {
  const socket: Socket = createSocket('udp4');
  scope.defer(() => void socket.close());
  const answers: Peer['answers'][number][] = [];
  socket.on('message', (bytes) => {
    // By hand: an answer copies what was broken in the request.
    const text = bytes.toString();
    const status = Number(/^SIP\/2\.0 (\d{3}) /.exec(text)?.[1]);
    answers.push({ status, callId: callIdOf(text) });
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    answers,
    send: (bytes) =>
      new Promise((resolve, reject) => {
        socket.send(bytes, serverPort, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
      }),
  };
}

/** The server has dealt with everything before when it has answered this. */
async function assertAlive(peer: Peer, server: Program, callId: string): Promise<void> {
  await peer.send(
    Buffer.from(
      [
        'OPTIONS sip:127.0.0.1 SIP/2.0',
        `Via: SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bK${callId};rport`,
        'Max-Forwards: 70',
        'From: <sip:alive@127.0.0.1>;tag=alive',
        'To: <sip:127.0.0.1>',
        `Call-ID: ${callId}`,
        'CSeq: 1 OPTIONS',
        'Content-Length: 0',
        '\r\n',
      ].join('\r\n'),
    ),
  );
  await waitFor(`an answer to OPTIONS ${callId}`, () => {
    assert.ok(server.running, server.output);
    return peer.answers.some((answer) => answer.callId === callId && answer.status === 200);
  });
}

/**
 * With rport the answer comes back to this socket, wherever the message's Via points; with a branch of its own the
 * message is no repetition of another one (the RFC uses few).
 */
function answerable({ name, text }: TortureMessage): string {
  const own = name === 'badbranch' ? text : text.replace(/branch=z9hG4bK/, `branch=z9hG4bK${name}`);
  return own.replace(/^(v(?:ia)?\s*:\s*SIP\/.*)$/im, '$1;rport');
}

function callIdOf(text: string): string {
  return /^(?:Call-ID|i)\s*:\s*(.*)$/im.exec(text)?.[1] ?? '';
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text.replace(/\n/g, '\r\n'));
}

test('the torture messages of RFC 4475 are refused as it says, and the server goes on', async (t) => {
  const scope = openScope(t);
  const { server, port } = await startServer(scope);
  const peer = await openPeer(scope, port);
  for (const vector of RFC4475) {
    await peer.send(bytesOf(answerable(vector)));
  }
  await assertAlive(peer, server, 'after-torture');
  for (const { name, text, expect } of RFC4475) {
    const statuses = peer.answers.filter((answer) => answer.callId === callIdOf(text)).map(({ status }) => status);
    if (typeof expect === 'number') {
      assert.ok(statuses.includes(expect), `${name}: ${statuses}`);
    } else if (expect === 'drop') {
      assert.deepEqual(statuses, [], name);
    } else {
      assert.ok(!statuses.includes(400) && !statuses.includes(500), `${name}: ${statuses}`);
    }
    t.diagnostic(`${name} → ${statuses}`);
  }
});

test('datagrams of rubbish leave the server alive', async (t) => {
  const scope = openScope(t);
  const { server, port } = await startServer(scope);
  const peer = await openPeer(scope, port);
  const rubbish = [
    Buffer.alloc(0),
    Buffer.alloc(1),
    Buffer.from('\r\n\r\n'),
    Buffer.alloc(65_507, 0x41),
    Buffer.alloc(65_507, 0x0a),
    Buffer.alloc(1500, 0xff),
    Buffer.from([0xff, 0xfe, 0x00, 0x0d, 0x0a]),
    Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
    Buffer.from(`INVITE sip:a@127.0.0.1 SIP/2.0\r\n${'v: SIP/2.0/UDP a\r\n'.repeat(3000)}\r\n`),
  ];
  for (const bytes of rubbish) {
    await peer.send(bytes);
  }
  await assertAlive(peer, server, 'after-rubbish');
});

test('messages broken at every place leave the server alive', async (t) => {
  const scope = openScope(t);
  const { server, port } = await startServer(scope);
  const peer = await openPeer(scope, port);
  for (const { name, text } of RFC4475) {
    const bytes = bytesOf(text);
    for (let at = 0; at < bytes.length; at += 97) {
      await peer.send(bytes.subarray(0, at));
      await peer.send(Buffer.concat([bytes.subarray(0, at), Buffer.from([at & 0xff]), bytes.subarray(at + 1)]));
    }
    await assertAlive(peer, server, `after-${name}`);
  }
});
