/** A set over real sockets: relays of the test's own on loopback, some of which do not answer. */
import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { ImsError } from '../../../src/errors.ts';
import { type RelayMember, RelaySetDriver } from '../../../src/io/relay-set-driver.ts';
import { RELAY_SET_DEFAULTS } from '../../../src/rtpp-client/relay-set-policy.ts';
import { silentLog } from '../../support/logs.ts';
import { openScope, type Scope } from '../../support/scope.ts';
import { waitFor } from '../../support/wait.ts';

interface Stub {
  readonly port: number;
  readonly commands: string[];
  close(): Promise<void>;
}

/** Answers V, VF and everything else with 1, until it is closed. */
async function stub(scope: Scope, port = 0): Promise<Stub> {
  const socket = createSocket('udp4');
  const commands: string[] = [];
  socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
    const [cookie, ...command] = bytes.toString().split(' ');
    commands.push(command.join(' '));
    socket.send(`${cookie} ${command[0] === 'V' ? '20040107' : '1'}\n`, from.port, from.address);
  });
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  let open = true;
  const close = async (): Promise<void> => {
    if (open) {
      open = false;
      socket.close();
      await once(socket, 'close');
    }
  };
  scope.defer(close);
  return { port: socket.address().port, commands, close };
}

function member({ port }: Pick<Stub, 'port'>, weight = 1): RelayMember {
  const control = `udp:127.0.0.1:${port}`;
  return { name: control, weight, target: { control }, mediaAddress: undefined };
}

interface Told {
  readonly lines: string[];
  returns: number;
  readonly losses: string[];
}

async function openSet(scope: Scope, members: readonly RelayMember[]): Promise<{ set: RelaySetDriver; told: Told }> {
  const told: Told = { lines: [], returns: 0, losses: [] };
  const say = (fields: object, sentence: string): void => {
    told.lines.push(`${(fields as { remote?: string }).remote} ${sentence}`);
  };
  const set = await RelaySetDriver.open(members, {
    log: { ...silentLog(), info: say, warn: say, error: say },
    onReturn: () => {
      told.returns += 1;
    },
    onLoss: (member) => told.losses.push(member),
    policy: { ...RELAY_SET_DEFAULTS, checkMs: 50, firstProbeMs: 20, longestProbeMs: 50 },
  });
  scope.defer(() => set.close());
  return { set, told };
}

function about(told: Told, { port }: Stub, sentence: RegExp): Promise<unknown> {
  return waitFor(`${sentence} about ${port}`, () =>
    told.lines.some((line) => line.startsWith(`127.0.0.1:${port} `) && sentence.test(line)),
  );
}

test('a relay that goes away between calls is disabled and, when it is back, enabled; its calls are looked after', async (t) => {
  const scope = openScope(t);
  const [a, b] = [await stub(scope), await stub(scope)];
  const { set, told } = await openSet(scope, [member(a), member(b)]);
  await about(told, a, /answers/);
  await about(told, b, /answers/);
  const call = set.relayFor('call');
  assert.ok(call !== undefined);
  const [home, other] = call.remote.port === a.port ? [a, b] : [b, a];
  await home.close();
  await about(told, home, /disabled: new calls go to the others/);
  assert.equal(set.relayFor('next')?.remote.port, other.port);
  assert.equal(set.relayFor('call')?.remote.port, home.port);
  assert.equal(told.returns, 0);
  await stub(scope, home.port);
  await about(told, home, /enabled again/);
  assert.equal(told.returns, 1);
  assert.equal((await set.holderOf('call')?.request('Q call a b'))?.kind, 'reply');
});

test('one relay alone hears calls and whether it takes H; a second one makes both be asked, and calls stay where they are', async (t) => {
  const scope = openScope(t);
  const [a, b] = [await stub(scope), await stub(scope)];
  const { set, told } = await openSet(scope, [member(a)]);
  assert.equal(set.hasOthers, false);
  assert.equal(set.relayFor('old')?.remote.port, a.port);
  assert.equal(set.holderOf('never seen')?.remote.port, a.port, 'there is no other that could hold it');
  await set.relayFor('old')?.request('Q old a b');
  assert.deepEqual([a.commands.toSorted(), told.lines], [['Q old a b', 'VF 20261123'], []]);

  await set.configure([member(a), member(b, 3)]);
  await about(told, a, /answers/);
  await about(told, b, /answers/);
  assert.ok(a.commands.includes('VF 20050322'));
  assert.equal(set.holderOf('never seen'), undefined);

  await set.configure([member(b)]);
  assert.equal(set.holderOf('old')?.remote.port, a.port, 'the call goes on');
  assert.equal((await set.holderOf('old')?.request('Q old a b'))?.kind, 'reply');
  const held = set.holderOf('old');
  set.forget('old');
  assert.deepEqual(await held?.request('V'), { kind: 'closed' }, 'its socket ends with its last call');
  assert.equal(set.relayFor('new')?.remote.port, b.port);
});

test('a relay whose name does not resolve changes nothing', async (t) => {
  const scope = openScope(t);
  const a = await stub(scope);
  const { set } = await openSet(scope, [member(a)]);
  const control = 'udp:no-such-host.invalid:7722';
  await assert.rejects(
    set.configure([member(a), { name: control, weight: 1, target: { control }, mediaAddress: undefined }]),
    (error) => error instanceof ImsError && error.code === 'IMS_ERR_RELAY_ADDRESS',
  );
  assert.equal(set.hasOthers, false);
  assert.equal((await set.relayFor('call')?.request('V'))?.kind, 'reply');
});
