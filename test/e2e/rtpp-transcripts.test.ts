/** Every transcript of test/vectors/rtpp against the shipped ims-relay, over the transport that it names. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePortRange } from '../support/ports.ts';
import { binary } from '../support/project.ts';
import { moveTo, portRange, readTranscripts, requiredRows, type Transcript } from '../support/rtpp-transcript.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { planeArguments } from '../support/test-relay.ts';
import { within } from '../support/wait.ts';

/** Sends one request and gives its reply without the final LF. */
type Ask = (request: string) => Promise<string>;

const REPLY_TIMEOUT_MS = 20_000;

const transcripts = readTranscripts();

test('every required row is in a transcript, and as many of our own', (t) => {
  const rows = transcripts.flatMap((transcript) => transcript.rows);
  const ids = rows.map(({ id }) => id);
  const required = requiredRows();
  const ours = rows.filter(({ origin }) => origin.startsWith('ours: ')).length;
  t.diagnostic(
    `${rows.length} commands in ${transcripts.length} transcripts: ${required.length} required, ${ours} ours`,
  );
  assert.deepEqual(
    ids.filter((id, index) => ids.indexOf(id) !== index),
    [],
    'ids that are there twice',
  );
  assert.deepEqual(
    required.filter((id) => !ids.includes(id)),
    [],
    'required rows that are missing',
  );
  assert.equal(rows.length, required.length + ours, 'a row is required, or says that it is ours and why');
  assert.ok(ours >= required.length, `only ${ours} of our own`);
});

for (const transcript of transcripts) {
  test(`${transcript.name}: ${transcript.title} (${transcript.rows.length} commands)`, async (t) => {
    const scope = openScope(t);
    const [first = 0, last = 0] = portRange(transcript) ?? [];
    // The control socket lies above the media ports: a relay leaves out the pair that its own socket is in.
    const room = last - first + 2;
    const base = freePortRange(room + 1);
    const moved = moveTo(transcript, base);
    const { ask, relay } = await openRelay(scope, moved, base + room);
    for (const { id, before, request, reply } of moved.rows) {
      if (before.waitMs > 0) {
        // The rule under test is about real time; its virtual twin is in test/sim/relay.
        await sleep(before.waitMs);
      }
      if (before.hangUp) {
        relay.kill('SIGHUP');
        await stderrLine(relay, /draining/);
      }
      assert.match(await ask(request), reply, `${id}: ${request}`);
    }
    await endOf(relay);
  });
}

async function openRelay(
  scope: Scope,
  { transport, args }: Transcript,
  port: number,
): Promise<{ ask: Ask; relay: ChildProcess }> {
  const directory = await temporaryDirectory(scope);
  const path = join(directory, 'control');
  const sockets = {
    stdio: 'stdio:',
    udp: `udp:127.0.0.1:${port}`,
    udp6: `udp6:::1:${port}`,
    tcp: `tcp:127.0.0.1:${port}`,
    tcp6: `tcp6:::1:${port}`,
    unix: `unix:${path}`,
    cunix: `cunix:${path}`,
  };
  const words = args.map((word) => word.replace('@RDIR@', directory));
  const relay = spawn(
    process.execPath,
    [binary('ims-relay'), '-f', '-F', '-s', sockets[transport], ...planeArguments(), ...words],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  scope.defer(async () => {
    if (relay.exitCode === null && relay.signalCode === null) {
      relay.kill('SIGKILL');
      await once(relay, 'exit');
    }
  });
  relay.stdin?.on('error', () => {});
  await stderrLine(relay, /relay ready/);
  return { ask: await openClient(scope, transport, relay, port, path), relay };
}

async function openClient(
  scope: Scope,
  transport: Transcript['transport'],
  relay: ChildProcess,
  port: number,
  path: string,
): Promise<Ask> {
  switch (transport) {
    case 'stdio': {
      const replies = lineReplies((listener) => relay.stdout?.on('data', listener));
      return (request) => replies(request, (text) => relay.stdin?.write(text));
    }
    case 'tcp':
    case 'tcp6':
    case 'cunix': {
      const socket = transport === 'cunix' ? connect(path) : connect(port, transport === 'tcp' ? '127.0.0.1' : '::1');
      scope.defer(() => {
        socket.destroy();
      });
      await once(socket, 'connect');
      const replies = lineReplies((listener) => socket.on('data', listener));
      return (request) => replies(request, (text) => socket.write(text));
    }
    case 'unix':
      return async (request) => {
        const socket = connect(path);
        await once(socket, 'connect');
        socket.write(request);
        return await within('the end of the connection', REPLY_TIMEOUT_MS, readAll(socket));
      };
    case 'udp':
    case 'udp6': {
      const socket = createSocket(transport === 'udp' ? 'udp4' : 'udp6');
      scope.defer(() => void socket.close());
      return async (request) => {
        const reply = once(socket, 'message');
        socket.send(request, port, transport === 'udp' ? '127.0.0.1' : '::1');
        const [bytes] = (await within(`a reply to ${request}`, REPLY_TIMEOUT_MS, reply)) as [Buffer];
        return bytes.toString('latin1').replace(/\n$/, '');
      };
    }
  }
}

/** One write of the relay is one reply, `I` with its several lines included. */
function lineReplies(subscribe: (listener: (chunk: Buffer) => void) => unknown) {
  let answer: ((text: string) => void) | undefined;
  subscribe((chunk) => answer?.(chunk.toString('latin1').replace(/\n$/, '')));
  return (request: string, write: (text: string) => unknown): Promise<string> => {
    const reply = new Promise<string>((resolve) => {
      answer = resolve;
    });
    write(`${request}\n`);
    return within(`a reply to ${request}`, REPLY_TIMEOUT_MS, reply);
  };
}

async function readAll(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) {
    text += (chunk as Buffer).toString('latin1');
  }
  return text.replace(/\n$/, '');
}

function stderrLine(relay: ChildProcess, pattern: RegExp): Promise<void> {
  let text = '';
  const seen = new Promise<void>((resolve, reject) => {
    relay.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (pattern.test(text)) {
        resolve();
      }
    });
    relay.once('exit', () => reject(new Error(`ims-relay ended:\n${text}`)));
  });
  return within(`a line like ${pattern} of ims-relay`, REPLY_TIMEOUT_MS, seen);
}

/** A relay that is told to end does, with 0. */
async function endOf(relay: ChildProcess): Promise<void> {
  const exit = once(relay, 'exit');
  relay.kill('SIGTERM');
  const [code] = await within('the end of ims-relay', REPLY_TIMEOUT_MS, exit);
  assert.equal(code, 0);
}
