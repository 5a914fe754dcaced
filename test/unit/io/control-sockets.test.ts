import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { ImsError } from '../../../src/errors.ts';
import { parseControlAddress } from '../../../src/io/control/address.ts';
import type { ControlHandler, ControlSocket } from '../../../src/io/control/control-socket.ts';
import { LineReader } from '../../../src/io/control/line-reader.ts';
import { openControl } from '../../../src/io/control/open.ts';
import { openStdioControl } from '../../../src/io/control/stdio-control.ts';
import { openScope, temporaryDirectory } from '../../support/scope.ts';
import { within } from '../../support/wait.ts';

/** Answers every command with itself in brackets. */
const ECHO: ControlHandler = {
  command: (peer, text) => peer.reply(`[${text}]\n`),
  admits: () => true,
  ended: () => {},
};

async function open(t: TestContext, text: string, handler = ECHO): Promise<ControlSocket> {
  const address = parseControlAddress(text);
  assert.ok(address.ok);
  const socket = await openControl(address.value, handler);
  t.after(() => socket.close());
  return socket;
}

async function client(t: TestContext, target: string | number): Promise<Socket> {
  const socket = typeof target === 'number' ? connect(target, '127.0.0.1') : connect(target);
  t.after(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function textUntilEnd(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  await within('the end of the connection', 5000, once(socket, 'end'));
  return text;
}

test('-s understands every prefix, and takes anything else as a path', () => {
  const value = (text: string): unknown => {
    const parsed = parseControlAddress(text);
    return parsed.ok ? parsed.value : parsed.error;
  };
  assert.deepEqual(value('udp:127.0.0.1:7722'), { kind: 'udp', family: 4, host: '127.0.0.1', port: 7722 });
  assert.deepEqual(value('udp:*'), { kind: 'udp', family: 4, host: '0.0.0.0', port: 22222 });
  assert.deepEqual(value('tcp6:::1:22'), { kind: 'tcp', family: 6, host: '::1', port: 22 });
  assert.deepEqual(value('cunix:/x'), { kind: 'cunix', path: '/x' });
  assert.deepEqual(value('bogus:1'), { kind: 'unix', path: 'bogus:1' });
  assert.deepEqual(value('stdioc:'), { kind: 'stdio', endsAlways: true });
  assert.match(String(value('tcp:')), /host is missing/);
  assert.match(String(value(`unix:/${'x'.repeat(200)}`)), /107 bytes/);
});

test('lines are cut at LF, kept until complete, and a line of 8192 bytes is too long', () => {
  const reader = new LineReader();
  assert.deepEqual(reader.push(Buffer.from('V\nVF 2')), ['V']);
  assert.deepEqual(reader.push(Buffer.from('0\n\n')), ['VF 20', '']);
  assert.deepEqual(reader.push(Buffer.alloc(8191, 'x')), []);
  assert.equal(reader.push(Buffer.from('x')), undefined);
});

test('a line stream answers each line and stays open', async (t) => {
  const control = await open(t, 'tcp:127.0.0.1:0');
  const socket = await client(t, control.port ?? 0);
  socket.write('a\nb\n\nc');
  const [first] = (await once(socket, 'data')) as [Buffer];
  assert.ok('[a]\n[b]\n[]\n'.startsWith(first.toString()));
  socket.end('\n');
  assert.match(first.toString() + (await textUntilEnd(socket)), /\[c\]\n$/);
});

test('a line without end closes its connection', async (t) => {
  const control = await open(t, 'tcp:127.0.0.1:0');
  const socket = await client(t, control.port ?? 0);
  socket.on('error', () => {});
  socket.write(Buffer.alloc(9000, 'x'));
  await within('the close', 5000, once(socket, 'close'));
});

test('unix: one read is the command, and the connection ends with the reply', async (t) => {
  const path = join(await temporaryDirectory(openScope(t)), 'control');
  await open(t, `unix:${path}`);
  const socket = await client(t, path);
  socket.write('V\nVF 20050322\n');
  assert.equal(await textUntilEnd(socket), '[V\nVF 20050322\n]\n');
});

test('unix: a client that shuts its side down still gets the reply; one that says nothing gets none', async (t) => {
  const path = join(await temporaryDirectory(openScope(t)), 'control');
  await open(t, `unix:${path}`);
  const speaking = await client(t, path);
  speaking.end('V');
  assert.equal(await textUntilEnd(speaking), '[V]\n');
  const silent = await client(t, path);
  silent.end();
  assert.equal(await textUntilEnd(silent), '');
});

test('a unix socket that was left behind is replaced; one in use and another file are not', async (t) => {
  const directory = await temporaryDirectory(openScope(t));
  const served = join(directory, 'served');
  await open(t, `unix:${served}`);
  const second = parseControlAddress(served);
  assert.ok(second.ok);
  await assert.rejects(openControl(second.value, ECHO), (error) => (error as ImsError).code === 'IMS_ERR_PORT_IN_USE');

  const file = join(directory, 'file');
  writeFileSync(file, 'precious');
  const third = parseControlAddress(file);
  assert.ok(third.ok);
  await assert.rejects(openControl(third.value, ECHO), (error) => error instanceof ImsError);
  assert.ok(existsSync(file));
});

test('a path without its directory is told from other failures', async () => {
  const address = parseControlAddress('unix:/nonexistent/x.sock');
  assert.ok(address.ok);
  await assert.rejects(
    openControl(address.value, ECHO),
    /-s unix:\/nonexistent\/x\.sock: the directory \/nonexistent does/,
  );
});

test('a socket’s name is what -s takes', async (t) => {
  for (const text of ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0', 'udp6:::1:0', 'tcp6:::1:0']) {
    const { name, port } = await open(t, text);
    assert.equal(name, text.replace(/0$/, `${port}`));
    assert.ok(parseControlAddress(name).ok);
  }
});

test('a unix socket is gone after close', async (t) => {
  const path = join(await temporaryDirectory(openScope(t)), 'control');
  const control = await open(t, `unix:${path}`);
  await control.close();
  assert.ok(!existsSync(path));
});

test('a port that is taken is reported with the process that holds it', async (t) => {
  const control = await open(t, 'udp:127.0.0.1:0');
  const address = parseControlAddress(`udp:127.0.0.1:${control.port}`);
  assert.ok(address.ok);
  await assert.rejects(openControl(address.value, ECHO), (error) => {
    assert.ok(error instanceof ImsError);
    assert.equal(error.code, 'IMS_ERR_PORT_IN_USE');
    assert.match(error.message, new RegExp(`process ${process.pid}`));
    return true;
  });
});

test('a client that reads no replies is cut off, and the others are served', async (t) => {
  const control = await open(t, 'tcp:127.0.0.1:0', {
    command: (peer) => peer.reply(`${'x'.repeat(65_536)}\n`),
    admits: () => true,
    ended: () => {},
  });
  const deaf = await client(t, control.port ?? 0);
  deaf.pause();
  deaf.on('error', () => {});
  const closed = once(deaf, 'close');
  for (let index = 0; index < 500; index++) {
    deaf.write('I\n');
  }
  deaf.resume();
  await within('the end of the deaf client', 5000, closed);
  const other = await client(t, control.port ?? 0);
  other.write('V\n');
  await within('a reply', 5000, once(other, 'data'));
});

test('who is not admitted is not heard: a datagram is dropped, a connection closed', async (t) => {
  const asked: string[] = [];
  const strict: ControlHandler = {
    ...ECHO,
    admits: (host, local) => {
      asked.push(`${host} ${local}`);
      return asked.length > 1;
    },
  };
  const tcp = await open(t, 'tcp:127.0.0.1:0', strict);
  assert.equal(tcp.address, '127.0.0.1');
  const refused = await client(t, tcp.port ?? 0);
  refused.on('error', () => {});
  refused.write('V\n');
  await within('the close', 5000, once(refused.resume(), 'close'));
  const admitted = await client(t, tcp.port ?? 0);
  admitted.write('V\n');
  const [reply] = (await within('a reply', 5000, once(admitted, 'data'))) as [Buffer];
  assert.equal(reply.toString(), '[V]\n');

  asked.length = 0;
  const udp = await open(t, 'udp:127.0.0.1:0', strict);
  const socket = createSocket('udp4');
  t.after(() => void socket.close());
  const replied = once(socket, 'message');
  socket.send('first', udp.port ?? 0, '127.0.0.1');
  socket.send('second', udp.port ?? 0, '127.0.0.1');
  const [datagram] = (await within('a reply', 5000, replied)) as [Buffer];
  assert.equal(datagram.toString(), '[second]\n');
  assert.deepEqual(asked, ['127.0.0.1 127.0.0.1', '127.0.0.1 127.0.0.1']);
});

test('stdio: commands and replies are lines, and the end of input is told once', async (t) => {
  const input = new PassThrough();
  const output = new PassThrough();
  let ends = 0;
  const control = openStdioControl(input, output, { ...ECHO, ended: () => (ends += 1) });
  t.after(() => control.close());
  input.write('V\nI\n');
  input.end();
  await within('the end', 5000, once(input, 'end'));
  assert.equal(output.read()?.toString(), '[V]\n[I]\n');
  assert.equal(ends, 1);
});

test('a unix socket that is too busy to answer is not taken over', async (t) => {
  const path = join(await temporaryDirectory(openScope(t)), 'busy');
  // A listener with a full backlog that accepts nobody, as a stopped or overloaded relay is.
  const script = [
    'import socket, sys',
    's = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0)',
    'c = []',
    'try:',
    '    while len(c) < 64: x = socket.socket(socket.AF_UNIX); x.setblocking(False); x.connect(sys.argv[1]); c.append(x)',
    'except BlockingIOError: pass',
    'print("full", flush=True); sys.stdin.read()',
  ].join('\n');
  const holder = spawn('python3', ['-c', script, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(async () => {
    holder.stdin.end();
    await once(holder, 'exit');
  });
  await within('the full backlog', 5000, once(holder.stdout, 'data'));
  const address = parseControlAddress(`unix:${path}`);
  assert.ok(address.ok);
  await assert.rejects(openControl(address.value, ECHO), (error) => (error as ImsError).code === 'IMS_ERR_PORT_IN_USE');
  assert.ok(existsSync(path));
});
