/** The shipped ims-server with several of the shipped ims-relay: who gets which call, and what a relay's death changes. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SipRequest } from '../../src/sip/message/message.ts';
import { freePortRange } from '../support/ports.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { activeSessions } from '../support/rtpp.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { SipPeer } from '../support/sip-peer.ts';
import { waitFor } from '../support/wait.ts';

/** Generous: other tests and a noisy machine run beside these. */
const PATIENCE = { timeoutMs: 60_000 };

/** Where one relay lives, whether it runs or not. */
interface RelayPlace {
  readonly port: number;
  /** Of its media ports. */
  readonly address: string;
  /** Control sockets; the first is `udp:127.0.0.1:<port>`. */
  readonly controls: readonly string[];
  readonly minPort: number;
  readonly maxPort: number;
}

/** One free block for a test: nobody's port lies in another's range. */
class Ports {
  #next = freePortRange(400);

  take(count = 2): number {
    const first = this.#next;
    this.#next += count + (count % 2);
    return first;
  }

  relay({ pairs = 30, address = '127.0.0.1', also = [] as string[] } = {}): RelayPlace {
    const port = this.take();
    const minPort = this.take(pairs * 2);
    return { port, address, controls: [`udp:127.0.0.1:${port}`, ...also], minPort, maxPort: minPort + pairs * 2 - 1 };
  }
}

async function startRelay(scope: Scope, { address, controls, minPort, maxPort }: RelayPlace): Promise<Program> {
  const sockets = controls.flatMap((control) => ['-s', control]);
  const program = Program.start(scope, {
    name: 'ims-relay',
    command: [
      process.execPath,
      binary('ims-relay'),
      '-f',
      '-F',
      '-l',
      address,
      ...sockets,
      '-m',
      `${minPort}`,
      '-M',
      `${maxPort}`,
    ],
  });
  await program.waitForLine(/relay ready/, PATIENCE.timeoutMs);
  return program;
}

interface ServerPlace {
  readonly program: Program;
  readonly sipPort: number;
}

const CALLEES = Array.from({ length: 20 }, (_, i) => `${2001 + i}`);

/** `further` as in the configuration; `main` is `relay.port`. */
async function startServer(
  scope: Scope,
  ports: Ports,
  main: RelayPlace,
  relay: Readonly<Record<string, unknown>>,
): Promise<ServerPlace> {
  const directory = await temporaryDirectory(scope);
  const sipPort = ports.take();
  const config = join(directory, 'config.json');
  await writeFile(
    config,
    JSON.stringify({
      SERVER_ADDR: '127.0.0.1',
      SERVER_PORT: sipPort,
      dataDir: directory,
      USERS: Object.fromEntries(CALLEES.map((user) => [user, '1234'])),
      relay: { port: main.port, minPort: main.minPort, maxPort: main.maxPort, ...relay },
      ims: { trustedPeers: ['127.0.0.1'] },
    }),
  );
  const program = Program.start(scope, {
    name: 'ims-server',
    command: [process.execPath, binary('ims-server'), '--config', config],
    cwd: directory,
    env: { LOG_FORMAT: 'json' },
  });
  await program.waitForLine(/IMS ready/, PATIENCE.timeoutMs);
  return { program, sipPort };
}

/** The next line of the server about the relay at `remote`. */
function lineAbout({ program }: ServerPlace, sentence: RegExp, remote: string): Promise<string> {
  return waitFor(
    `${sentence} about ${remote}`,
    () => program.output.split('\n').find((line) => sentence.test(line) && line.includes(remote)),
    PATIENCE,
  );
}

let calls = 0;

/** An answered call between a trunk and a user who is called for the first time. */
class TestCall {
  readonly caller: SipPeer;
  readonly callee: SipPeer;
  readonly #user: string;
  readonly #sipPort: number;
  readonly #callId: string;
  #toTag = '';
  #cseq = 1;

  private constructor(caller: SipPeer, callee: SipPeer, user: string, sipPort: number, callId: string) {
    this.caller = caller;
    this.callee = callee;
    this.#user = user;
    this.#sipPort = sipPort;
    this.#callId = callId;
  }

  static async place(scope: Scope, { sipPort }: ServerPlace, user: string): Promise<TestCall> {
    const callee = await SipPeer.open(scope, sipPort);
    await callee.register(user);
    const call = new TestCall(await SipPeer.open(scope, sipPort), callee, user, sipPort, `set-${++calls}`);
    await call.#invite();
    return call;
  }

  /** Address that the callee was told by the last INVITE. */
  async offeredAddress(): Promise<string | undefined> {
    const invite = await this.callee.request('INVITE');
    return /^c=IN IP4 (\S+)/m.exec(Buffer.from(invite.body).toString())?.[1];
  }

  /** Port that the callee was told by the last INVITE. */
  async offeredPort(): Promise<number> {
    const invite = await this.callee.request('INVITE');
    return Number(/^m=audio (\d+)/m.exec(Buffer.from(invite.body).toString())?.[1]);
  }

  async reinvite(): Promise<void> {
    this.caller.received.length = 0;
    this.callee.received.length = 0;
    await this.#invite();
  }

  async hangUp(): Promise<void> {
    this.caller.received.length = 0;
    this.#send('BYE');
    const bye = await this.callee.request('BYE');
    this.callee.answer(bye, 200);
    await this.caller.response(200);
  }

  async #invite(): Promise<void> {
    this.#send('INVITE', this.caller.sdp);
    const invite = await this.callee.request('INVITE');
    this.callee.answer(invite, 200, this.callee.sdp);
    const ok = await this.caller.response(200);
    this.#toTag = `${ok.headers.get('To')}`;
    this.#cseq -= 1;
    this.#send('ACK');
    await this.callee.request('ACK');
  }

  #send(method: string, body = ''): SipRequest {
    const to = this.#toTag === '' ? `<sip:${this.#user}@127.0.0.1>` : this.#toTag;
    const from = `<sip:trunk@127.0.0.1>;tag=caller`;
    const uri = `sip:${this.#user}@127.0.0.1:${this.#sipPort}`;
    const cseq = this.#cseq++;
    return this.caller.send(
      `${method} ${uri} SIP/2.0\nFrom: ${from}\nTo: ${to}\nCall-ID: ${this.#callId}\nCSeq: ${cseq} ${method}`,
      body,
    );
  }
}

function isOf({ minPort, maxPort }: RelayPlace, port: number): boolean {
  return port >= minPort && port <= maxPort;
}

async function sessionsOf(...relays: RelayPlace[]): Promise<number[]> {
  return await Promise.all(relays.map(({ port }) => activeSessions(port)));
}

test('two relays share calls 1:3; one is killed, the log says so and new calls go to the other; it comes back', async (t) => {
  const scope = openScope(t);
  const ports = new Ports();
  const [main, further] = [ports.relay(), ports.relay()];
  await startRelay(scope, main);
  const first = await startRelay(scope, further);
  const server = await startServer(scope, ports, main, {
    weight: 1,
    further: [{ control: further.controls[0], weight: 3 }],
  });
  for (const { port } of [main, further]) {
    await lineAbout(server, /media relay answers: it takes calls/, `127.0.0.1:${port}`);
  }
  const users = [...CALLEES];
  const place = (): Promise<TestCall> => TestCall.place(scope, server, users.shift() ?? '');

  const shared: TestCall[] = [];
  for (let i = 0; i < 8; i++) {
    shared.push(await place());
  }
  assert.deepEqual(await sessionsOf(main, further), [2, 6]);
  const told = await Promise.all(shared.map((call) => call.offeredPort()));
  assert.equal(told.filter((port) => isOf(main, port)).length, 2);
  assert.equal(told.filter((port) => isOf(further, port)).length, 6);

  // Later messages of a call go where it began.
  const onMain = shared[told.findIndex((port) => isOf(main, port))];
  const onFurther = shared[told.findIndex((port) => isOf(further, port))];
  assert.ok(onMain && onFurther);
  for (const [call, relay] of [
    [onMain, main],
    [onFurther, further],
  ] as const) {
    const before = await call.offeredPort();
    await call.reinvite();
    assert.equal(await call.offeredPort(), before, 'a re-INVITE finds the port that the call had');
    assert.ok(isOf(relay, before));
  }
  await onFurther.hangUp();
  await waitFor('the end of its session', async () => (await activeSessions(further.port)) === 5, PATIENCE);
  assert.deepEqual(await sessionsOf(main), [2]);

  first.signal('SIGKILL');
  await first.waitForExit();
  const disabled = await lineAbout(
    server,
    /media relay disabled: new calls go to the others/,
    `127.0.0.1:${further.port}`,
  );
  assert.match(disabled, /connection refused/);
  for (let i = 0; i < 3; i++) {
    const call = await place();
    assert.ok(isOf(main, await call.offeredPort()));
  }
  assert.deepEqual(await sessionsOf(main), [5]);
  await onMain.hangUp();
  await waitFor('the end of its session', async () => (await activeSessions(main.port)) === 4, PATIENCE);

  await startRelay(scope, further);
  await lineAbout(server, /media relay enabled again/, `127.0.0.1:${further.port}`);
  // Its former calls are unknown to it: they end now.
  for (const call of shared.filter((_, index) => isOf(further, told[index] ?? 0))) {
    if (call !== onFurther) {
      call.callee.answer(await call.callee.request('BYE'), 200);
      call.caller.answer(await call.caller.request('BYE'), 200);
    }
  }
  for (let i = 0; i < 4; i++) {
    await place();
  }
  assert.deepEqual(await sessionsOf(main, further), [5, 3]);
});

test('relays behind unix and tcp control sockets take their share; every session is deleted where it was made', async (t) => {
  const scope = openScope(t);
  const ports = new Ports();
  const directory = await temporaryDirectory(scope);
  const [unix, cunix] = [`unix:${join(directory, 'one.sock')}`, `cunix:${join(directory, 'lines.sock')}`];
  const tcp = `tcp:127.0.0.1:${ports.take()}`;
  const relays = [
    ports.relay(),
    ports.relay({ address: '127.0.0.2', also: [unix] }),
    ports.relay({ address: '127.0.0.3', also: [tcp] }),
    ports.relay({ address: '127.0.0.4', also: [cunix] }),
  ] as const;
  for (const relay of relays) {
    await startRelay(scope, relay);
  }
  // Phones are told what the relay says, or what is configured for it.
  const further = [{ control: unix }, { control: tcp }, { control: cunix, mediaAddress: '203.0.113.9' }];
  const server = await startServer(scope, ports, relays[0], { further });
  for (const control of [unix, tcp, cunix]) {
    await lineAbout(server, /media relay answers/, control);
  }
  const placed: TestCall[] = [];
  for (const user of CALLEES.slice(0, 8)) {
    placed.push(await TestCall.place(scope, server, user));
  }
  assert.deepEqual(await sessionsOf(...relays), [2, 2, 2, 2]);
  for (const call of placed) {
    const port = await call.offeredPort();
    const at = relays.findIndex((relay) => isOf(relay, port));
    assert.equal(await call.offeredAddress(), ['127.0.0.1', '127.0.0.2', '127.0.0.3', '203.0.113.9'][at]);
  }
  for (const call of placed) {
    await call.hangUp();
  }
  await waitFor('no sessions', async () => (await sessionsOf(...relays)).every((count) => count === 0), PATIENCE);
});

test('a relay without room passes a call on, without the caller noticing; a spare is used for nothing else', async (t) => {
  const scope = openScope(t);
  const ports = new Ports();
  // Two pairs: one call.
  const [small, spare] = [ports.relay({ pairs: 2 }), ports.relay()];
  await startRelay(scope, small);
  await startRelay(scope, spare);
  const server = await startServer(scope, ports, small, { further: [{ control: spare.controls[0], weight: 0 }] });
  await lineAbout(server, /media relay answers/, `127.0.0.1:${spare.port}`);
  const first = await TestCall.place(scope, server, CALLEES[0] ?? '');
  const second = await TestCall.place(scope, server, CALLEES[1] ?? '');
  assert.ok(isOf(small, await first.offeredPort()));
  assert.ok(isOf(spare, await second.offeredPort()));
  assert.deepEqual(await sessionsOf(small, spare), [1, 1]);
  await lineAbout(server, /another media relay is tried/, `127.0.0.1:${small.port}`);
  await first.hangUp();
  await second.hangUp();
  await waitFor('no sessions', async () => (await sessionsOf(small, spare)).every((count) => count === 0), PATIENCE);
});

test('a relay that stands still costs a call a moment, not its life; when it goes on, it holds nothing', async (t) => {
  const scope = openScope(t);
  const ports = new Ports();
  const [main, further] = [ports.relay(), ports.relay()];
  await startRelay(scope, main);
  const stopped = await startRelay(scope, further);
  const server = await startServer(scope, ports, main, { weight: 0, further: [{ control: further.controls[0] }] });
  await lineAbout(server, /media relay answers/, `127.0.0.1:${further.port}`);
  stopped.signal('SIGSTOP');
  scope.defer(() => stopped.signal('SIGCONT'));
  const placed: TestCall[] = [];
  for (const user of CALLEES.slice(0, 3)) {
    placed.push(await TestCall.place(scope, server, user));
  }
  assert.deepEqual(await sessionsOf(main), [3]);
  await lineAbout(server, /media relay disabled/, `127.0.0.1:${further.port}`);
  stopped.signal('SIGCONT');
  await lineAbout(server, /media relay enabled again/, `127.0.0.1:${further.port}`);
  await waitFor('no session on it', async () => (await activeSessions(further.port)) === 0, PATIENCE);
  const next = await TestCall.place(scope, server, CALLEES[3] ?? '');
  assert.ok(isOf(further, await next.offeredPort()));
  for (const call of [...placed, next]) {
    await call.hangUp();
  }
  await waitFor('no sessions', async () => (await sessionsOf(main, further)).every((count) => count === 0), PATIENCE);
});
