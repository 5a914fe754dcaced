/** Who may command an ims-relay whose control socket other machines can reach. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { choosePlace, configure, fixture } from '../support/launcher.ts';
import { type Host, openNetwork } from '../support/network.ts';
import { peersPresent } from '../support/peers.ts';
import { freeUdpPort } from '../support/ports.ts';
import { cleanEnvironment, Program, runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

const PORT = 22222;

function relayArguments(...args: string[]): [string, ...string[]] {
  return [process.execPath, binary('ims-relay'), '-F', '-l', '127.0.0.1', '-m', '20000', '-M', '20099', ...args];
}

/** What is answered comes at once, unless the machine is busy. */
const PATIENCE_MS = 20_000;
const SILENCE_MS = 1000;

/** The reply to `V`, `closed` or `silence`. */
async function ask(
  scope: Scope,
  from: Host,
  transport: 'udp' | 'tcp',
  to: string,
  { port = PORT, waitMs = PATIENCE_MS } = {},
): Promise<string> {
  const { output } = await runProgram(scope, {
    namespace: from.namespace,
    command: fixture('rtpp-question', transport, to, port, waitMs),
  });
  return output.trim();
}

for (const socket of ['udp:*', 'udp6:*', 'tcp:*', 'tcp6:*', 'udp:0.0.0.0']) {
  test(`${socket}: a control socket that others can reach is refused, with the option that permits it`, async (t) => {
    const scope = openScope(t);
    const port = await freeUdpPort();
    const { code, output } = await runProgram(scope, { command: relayArguments('-s', `${socket}:${port}`) });
    assert.equal(code, 1);
    assert.match(output, new RegExp(`-s ${socket.split(':')[0]}:\\S*:${port}: whoever reaches this socket`));
    assert.match(output, /Bind it to 127\.0\.0\.1, ::1 or a unix socket, or say who may command: --control-from/);
    assert.doesNotMatch(output, /relay ready/);
  });
}

interface Opened {
  readonly _handle: { readonly fd: number };
}

/** Starts a relay with this socket as its descriptor 3; what it wrote when it ended, or was ready. */
async function startWith(scope: Scope, socket: unknown, args: string[], env: Record<string, string>): Promise<string> {
  const { fd } = (socket as Opened)._handle;
  const [file, ...words] = relayArguments(...args);
  const child = spawn(file, words, { stdio: ['ignore', 'ignore', 'pipe', fd], env: { ...cleanEnvironment(), ...env } });
  const exited = once(child, 'exit');
  scope.defer(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await waitFor('a word of the relay', () => /relay ready|--control-from/.test(text), { timeoutMs: PATIENCE_MS });
  return text;
}

test('a socket that is inherited is looked at as well: --control-fd, systemd:', async (t) => {
  const scope = openScope(t);
  const systemd = { LISTEN_FDS: '1' };
  for (const [address, outcome] of [
    ['0.0.0.0', /whoever reaches this socket/],
    ['127.0.0.1', /relay ready/],
  ] as const) {
    const udp = createSocket('udp4');
    scope.defer(() => void udp.close());
    udp.bind(0, address);
    await once(udp, 'listening');
    assert.match(await startWith(scope, udp, ['--control-fd', '3'], {}), outcome);
    const tcp = createServer();
    scope.defer(() => void tcp.close());
    tcp.listen(0, address);
    await once(tcp, 'listening');
    assert.match(await startWith(scope, tcp, ['-s', 'systemd:'], systemd), outcome);
  }
});

test('only who is named commands the relay; this machine always may; strangers are told of in the log', async (t) => {
  if (!network(t)) {
    return;
  }
  const scope = openScope(t);
  const { relay, proxy, stranger } = await openNetwork(scope, ['relay', 'proxy', 'stranger']);
  const program = Program.start(scope, {
    namespace: relay.namespace,
    command: relayArguments('-s', `udp:*:${PORT}`, '-s', `tcp:*:${PORT}`, '--control-from', `${proxy.address}/32`),
  });
  await program.waitForLine(/relay ready/);
  assert.equal(await ask(scope, proxy, 'udp', relay.address), 'question 20040107');
  assert.equal(await ask(scope, proxy, 'tcp', relay.address), '20040107');
  assert.equal(await ask(scope, relay, 'udp', '127.0.0.1'), 'question 20040107');
  assert.equal(await ask(scope, stranger, 'tcp', relay.address), 'closed');
  assert.equal(await ask(scope, stranger, 'udp', relay.address, { waitMs: SILENCE_MS }), 'silence');
  const line = await program.waitForLine(/command dropped: --control-from does not name its sender/);
  assert.match(line, new RegExp(`"remote":"${stranger.address}"`));
});

test('any lets everybody in; the address of one interface is as open as all of them', async (t) => {
  if (!network(t)) {
    return;
  }
  const scope = openScope(t);
  const { relay, stranger } = await openNetwork(scope, ['relay', 'stranger']);
  const command = relayArguments('-s', `udp:${relay.address}:${PORT}`);
  const refused = await runProgram(scope, { namespace: relay.namespace, command });
  assert.equal(refused.code, 1);
  assert.match(refused.output, new RegExp(`-s udp:${relay.address}:${PORT}: whoever reaches`));
  const open = Program.start(scope, { namespace: relay.namespace, command: [...command, '--control-from', 'any'] });
  await open.waitForLine(/relay ready/);
  assert.equal(await ask(scope, stranger, 'udp', relay.address), 'question 20040107');
});

test('a relay that ims-launch starts beyond loopback serves this machine, and whom relay.controlFrom names', async (t) => {
  if (!network(t)) {
    return;
  }
  const scope = openScope(t);
  const { system, proxy, stranger } = await openNetwork(scope, ['system', 'proxy', 'stranger']);
  const place = await choosePlace(scope);
  await configure(place, {
    SERVER_ADDR: system.address,
    relay: { host: system.address, controlFrom: [proxy.address] },
  });
  const launcher = Program.start(scope, {
    name: 'ims-launch',
    namespace: system.namespace,
    command: [process.execPath, binary('ims-launch'), '--config', place.configPath],
    cwd: place.directory,
    env: { XDG_RUNTIME_DIR: place.directory },
  });
  await launcher.waitForLine(READY_LINE, 60_000);
  const port = place.relayPort;
  assert.equal(await ask(scope, system, 'udp', system.address, { port }), 'question 20040107');
  assert.equal(await ask(scope, proxy, 'udp', system.address, { port }), 'question 20040107');
  assert.equal(await ask(scope, stranger, 'udp', system.address, { port, waitMs: SILENCE_MS }), 'silence');
});

function network(t: TestContext): boolean {
  return peersPresent(t, 'iproute2', 'network namespaces');
}
