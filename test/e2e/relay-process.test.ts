/** ims-relay as a process: its channel to a supervisor, signals, pid file, --daemon, and starts that fail. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ChildMessage } from '../../src/observe/ipc.ts';
import { peersPresent } from '../support/peers.ts';
import { freePortRange, freeUdpPort } from '../support/ports.ts';
import { Program, runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { askRelay } from '../support/rtpp.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { waitFor, within } from '../support/wait.ts';

function relayCommand(...args: string[]): [string, ...string[]] {
  const minPort = freePortRange(20);
  return [
    process.execPath,
    binary('ims-relay'),
    '-l',
    '127.0.0.1',
    '-m',
    `${minPort}`,
    '-M',
    `${minPort + 19}`,
    ...args,
  ];
}

/** As ims-launch starts it: with an IPC channel. */
async function startSupervised(scope: Scope): Promise<{ child: ChildProcess; control: number; ready: ChildMessage }> {
  const control = await freeUdpPort();
  const [file, ...args] = relayCommand('-f', '-F', '-s', `udp:127.0.0.1:${control}`);
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  scope.defer(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  const [ready] = (await within('ready', 5000, once(child, 'message'))) as [ChildMessage];
  return { child, control, ready };
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  const [code] = (await within('the end of ims-relay', 5000, once(child, 'exit'))) as [number | null];
  return code;
}

test('tells its supervisor what it is once it can be asked, and then that it lives', async (t) => {
  const { child, control, ready } = await startSupervised(openScope(t));
  assert.ok(ready.kind === 'ready' && ready.part === 'relay');
  const { details } = ready;
  assert.ok('plane' in details);
  assert.equal(details.plane, 'native');
  assert.equal(details.bindAddress, '127.0.0.1');
  assert.equal(details.maxPort - details.minPort, 19);
  assert.equal(await askRelay(control, 'V'), '20040107');
  await askRelay(control, 'U call 127.0.0.1 4000 A');
  const [heartbeat] = (await within('a heartbeat', 5000, once(child, 'message'))) as [ChildMessage];
  assert.ok(heartbeat.kind === 'heartbeat');
  assert.equal(heartbeat.sessions, 1);
  assert.ok(heartbeat.loopLagMs >= 0);
});

test('ends when its supervisor says so, and when the supervisor is gone', async (t) => {
  const scope = openScope(t);
  const told = await startSupervised(scope);
  told.child.send({ kind: 'shutdown', drain: false });
  assert.equal(await exitCode(told.child), 0);

  const left = await startSupervised(scope);
  left.child.disconnect();
  assert.equal(await exitCode(left.child), 0);
});

test('messages that are none of its own change nothing', async (t) => {
  const { child, control } = await startSupervised(openScope(t));
  for (const message of [null, 7, 'x', {}, { kind: 'relay-up', epoch: 1 }, { kind: 'log-level', level: 'LOUD' }]) {
    child.send(message as never);
  }
  assert.equal(await askRelay(control, 'V'), '20040107');
});

test('a start that fails ends with 1, names flag and remedy, and tells the supervisor', async (t) => {
  const scope = openScope(t);
  const taken = createSocket('udp4');
  scope.defer(() => void taken.close());
  taken.bind(0, '127.0.0.1');
  await once(taken, 'listening');
  const control = `udp:127.0.0.1:${taken.address().port}`;

  const held = await runProgram(scope, { command: relayCommand('-F', '-s', control) });
  assert.equal(held.code, 1);
  assert.match(held.output, new RegExp(`-s ${control}: the port is held by process ${process.pid} `));
  assert.match(held.output, /Stop the program named/);

  const [file, ...args] = relayCommand('-F', '-s', control);
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const [failed] = (await within('the failure', 5000, once(child, 'message'))) as [ChildMessage];
  assert.ok(failed.kind === 'failed');
  assert.equal(failed.code, 'IMS_ERR_PORT_IN_USE');
});

test('a wrong command line ends with 1 and one sentence', async (t) => {
  const scope = openScope(t);
  for (const args of [
    ['-q'],
    ['-d', 'LOUD'],
    ['-m', '9', '-M', '9', '-s', 'stdio:'],
    ['-l', 'no.such.host.invalid', '-s', 'stdio:'],
  ]) {
    const { code, output } = await runProgram(scope, {
      command: [process.execPath, binary('ims-relay'), '-F', ...args],
    });
    assert.equal(code, 1, args.join(' '));
    assert.match(output, /^ims-relay: /m);
    assert.doesNotMatch(output, /\n\s+at /, 'no stack');
  }
});

test('it starts where few files may be open', async (t) => {
  const scope = openScope(t);
  const relay = relayCommand('-F', '-s', 'stdio:').map((word) => `'${word}'`);
  const program = Program.start(scope, { command: ['bash', '-c', `ulimit -n 64; exec ${relay.join(' ')}`] });
  await program.waitForLine(/relay ready/);
});

test('an advertised address with a blank is refused, and one that is a name is warned of', async (t) => {
  const scope = openScope(t);
  const blank = await runProgram(scope, { command: relayCommand('-F', '-s', 'stdio:', '-A', '1.2.3.4 6') });
  assert.equal(blank.code, 1);
  assert.match(blank.output, /-A 1\.2\.3\.4 6: give one address/);
  const name = Program.start(scope, { command: relayCommand('-F', '-s', 'stdio:', '-A', 'media.example') });
  await name.waitForLine(/relay ready/);
  assert.equal(name.output.match(/is not an IP address/g)?.length, 1);
});

test('the pid file is there while it runs, and /dev/null survives', async (t) => {
  const scope = openScope(t);
  const path = join(await temporaryDirectory(scope), 'relay.pid');
  const control = await freeUdpPort();
  const program = Program.start(scope, { command: relayCommand('-F', '-s', `udp:127.0.0.1:${control}`, '-p', path) });
  await program.waitForLine(/relay ready/);
  await waitFor('the pid file', () => existsSync(path));
  assert.equal(readFileSync(path, 'utf8'), `${program.pid}\n`);
  await program.stop();
  assert.ok(!existsSync(path));

  const nowhere = Program.start(scope, { command: relayCommand('-F', '-s', 'stdio:', '-p', '/dev/null') });
  await nowhere.waitForLine(/relay ready/);
  await nowhere.stop();
  assert.ok(existsSync('/dev/null'));
});

test('-u gives the privilege up once the sockets are open', async (t) => {
  if (!peersPresent(t, 'root')) return;
  const scope = openScope(t);
  const control = await freeUdpPort();
  const program = Program.start(scope, { command: relayCommand('-u', 'nobody', '-s', `udp:127.0.0.1:${control}`) });
  await program.waitForLine(/relay ready/);
  assert.equal(await askRelay(control, 'V'), '20040107');
  const [, real, effective] = /^Uid:\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${program.pid}/status`, 'utf8')) ?? [];
  assert.ok(real !== '0' && real === effective, `uid ${real}, ${effective}`);

  const unknown = await runProgram(scope, { command: relayCommand('-u', 'nosuchuser', '-s', 'stdio:') });
  assert.equal(unknown.code, 1);
  assert.match(unknown.output, /-u nosuchuser: there is no user "nosuchuser"/);
});

test('as root, UDP control that others can reach is refused without -u or -F', async (t) => {
  if (!peersPresent(t, 'root')) return;
  const scope = openScope(t);
  const port = await freeUdpPort();
  const open = await runProgram(scope, { command: relayCommand('-s', `udp:*:${port}`) });
  assert.equal(open.code, 1);
  assert.match(open.output, /-s udp:\*:\d+ as root: .*add -u user, or -F/);

  const loopback = Program.start(scope, { command: relayCommand('-s', `udp:127.0.0.1:${port}`) });
  await loopback.waitForLine(/running as root/);
  await loopback.waitForLine(/relay ready/);
});

for (const flag of ['--daemon', '--daemo']) {
  test(`${flag} prints the process id once the relay can be asked, and leaves it running`, (t) =>
    startsDaemon(t, flag));
}

async function startsDaemon(t: TestContext, flag: string): Promise<void> {
  const scope = openScope(t);
  const control = await freeUdpPort();
  const path = join(await temporaryDirectory(scope), 'relay.pid');
  const command = relayCommand(flag, '-F', '-d', 'ERR', '-s', `udp:127.0.0.1:${control}`, '-p', path);
  const [file, ...args] = command;
  const starter = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let printed = '';
  starter.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  assert.equal(await exitCode(starter), 0);
  const pid = Number(printed);
  assert.ok(pid > 1, `printed ${JSON.stringify(printed)}`);
  scope.defer(async () => {
    process.kill(pid, 'SIGTERM');
    await waitFor('the end of the daemon', () => !existsSync(path));
  });
  assert.equal(await askRelay(control, 'V'), '20040107');
  assert.equal(readFileSync(path, 'utf8'), `${pid}\n`);
}

test('who speaks the dialect of the Python IMS to a relay without it gets the standard answer, and the log says why', async (t) => {
  const scope = openScope(t);
  const control = await freeUdpPort();
  const program = Program.start(scope, { command: relayCommand('-F', '-s', `udp:127.0.0.1:${control}`) });
  await program.waitForLine(/relay ready/);
  const client = createSocket('udp4');
  scope.defer(() => void client.close());
  for (const call of ['first', 'second', 'third']) {
    const reply = once(client, 'message');
    client.send(`V${call} from-tag to-tag\n`, control, '127.0.0.1');
    const [bytes] = (await within('the standard answer', 20_000, reply)) as [Buffer];
    assert.equal(bytes.toString(), `V${call} E0\n`);
  }
  await program.waitForLine(/dialect of the Python IMS got the standard answer: --ims-dialect=auto/);
  await program.stop();
  assert.equal(program.output.match(/--ims-dialect=auto/g)?.length, 1);
});

test('a control socket can be inherited', async (t) => {
  const scope = openScope(t);
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  const { fd } = (socket as unknown as { readonly _handle: { readonly fd: number } })._handle;
  const [file, ...args] = relayCommand('-F', '--control-fd', '3');
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe', fd] });
  scope.defer(async () => {
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  await within('ready', 5000, once(child.stderr as NodeJS.ReadableStream, 'data'));
  await within('the close', 5000, new Promise<void>((resolve) => socket.close(() => resolve())));
  assert.equal(await askRelay(port, 'V'), '20040107');
});

test('at the end of input it drains, unless a datagram socket is left', async (t) => {
  const scope = openScope(t);
  const [file, ...args] = relayCommand('-F', '-s', 'stdio:');
  const alone = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  alone.stdin.end('V\n');
  assert.equal(await exitCode(alone), 0);

  const control = await freeUdpPort();
  const program = Program.start(scope, {
    command: relayCommand('-F', '-s', 'stdio:', '-s', `udp:127.0.0.1:${control}`),
  });
  await program.waitForLine(/relay ready/);
  program.write('V\n');
  await program.waitForLine(/^20040107$/);
  assert.equal(await askRelay(control, 'V'), '20040107');
});

test('pain 16: an address that is not local is advertised, with one warning', async (t) => {
  const scope = openScope(t);
  const control = await freeUdpPort();
  const minPort = freePortRange(20);
  const program = Program.start(scope, {
    command: [
      process.execPath,
      binary('ims-relay'),
      '-F',
      '-l',
      '203.0.113.7',
      '-m',
      `${minPort}`,
      '-M',
      `${minPort + 19}`,
      '-s',
      `udp:127.0.0.1:${control}`,
    ],
  });
  await program.waitForLine(/relay ready/);
  assert.match(await askRelay(control, 'U call 127.0.0.1 4000 A'), /^\d+ 203\.0\.113\.7$/);
  assert.equal(program.output.match(/not an address of this machine/g)?.length, 1);
});
