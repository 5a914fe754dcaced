/** How ims-relay ends, and as whom it runs: signals, pid file, user, group and mode of its sockets. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { freePortRange } from '../support/ports.ts';
import { runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { boundUdpPorts } from '../support/survivors.ts';
import { startRelay, type TestRelay } from '../support/test-relay.ts';
import { waitFor, within } from '../support/wait.ts';

const PATIENCE_MS = 30_000;

interface Place {
  readonly relay: TestRelay;
  readonly socket: string;
  readonly pidFile: string;
}

async function start(scope: Scope, ...more: string[]): Promise<Place> {
  const directory = await temporaryDirectory(scope);
  const socket = join(directory, 'control');
  const pidFile = join(directory, 'relay.pid');
  const relay = await startRelay(scope, 20, '-s', `unix:${socket}`, '-p', pidFile, ...more);
  await waitFor('the pid file', () => existsSync(pidFile));
  return { relay, socket, pidFile };
}

/** Ended with 0, and nothing of it is left. */
async function assertGone({ relay, socket, pidFile }: Place): Promise<void> {
  assert.deepEqual(await relay.program.waitForExit(PATIENCE_MS), { code: 0, signal: null });
  assert.ok(!existsSync(socket) && !existsSync(pidFile));
  const bound = boundUdpPorts();
  assert.ok(!bound.has(relay.control));
  assert.ok(!Array.from({ length: 40 }, (_, offset) => relay.minPort + offset).some((port) => bound.has(port)));
}

test('HUP drains: new sessions get E99, old ones are served to their end, which is the relay’s', async (t) => {
  const place = await start(openScope(t));
  const { relay } = place;
  const port = await relay.grant('U old 127.0.0.1 4000 A');
  relay.program.signal('SIGHUP');
  await relay.program.waitForLine(/draining/);
  assert.equal(await relay.ask('U new 127.0.0.1 4000 A'), 'E99');
  assert.equal(await relay.grant('U old 127.0.0.1 4002 A'), port, 'a re-INVITE');
  await relay.grant('L old 127.0.0.1 5000 A B');
  // Once more changes nothing.
  relay.program.signal('SIGHUP');
  assert.equal(await relay.ask('G nsess_created'), '1');
  // The reply may be lost with the socket: the relay ends by this command.
  await relay.ask('D old A B').catch(() => {});
  await assertGone(place);
});

test('HUP without a session is the end', async (t) => {
  const place = await start(openScope(t));
  place.relay.program.signal('SIGHUP');
  await assertGone(place);
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGUSR1', 'SIGUSR2'] as const) {
  test(`${signal} ends it at once, with 0, whatever sessions there are, also while it drains`, async (t) => {
    const place = await start(openScope(t));
    const { relay } = place;
    await relay.grant('U c 127.0.0.1 4000 A');
    if (signal !== 'SIGTERM') {
      relay.program.signal('SIGHUP');
      await relay.program.waitForLine(/draining/);
    }
    relay.program.signal(signal);
    await assertGone(place);
  });
}

test('a pid file is overwritten, stays when it is another relay’s by then, and costs no start', async (t) => {
  const scope = openScope(t);
  const directory = await temporaryDirectory(scope);
  const pidFile = join(directory, 'relay.pid');
  writeFileSync(pidFile, '1\n');
  const first = await startRelay(scope, 20, '-p', pidFile);
  await waitFor('its process id', () => readFileSync(pidFile, 'utf8') === `${first.program.pid}\n`);
  writeFileSync(pidFile, '999999\n');
  await first.program.stop();
  assert.equal(readFileSync(pidFile, 'utf8'), '999999\n');

  rmSync(pidFile);
  execFileSync('mkfifo', [pidFile]);
  const second = await startRelay(scope, 20, '-p', pidFile);
  await second.program.waitForLine(/no pid file: something that is no file has its name/);
  second.program.signal('SIGTERM');
  assert.deepEqual(
    await second.program.waitForExit(PATIENCE_MS),
    { code: 0, signal: null },
    'it does not read the pipe',
  );
  assert.ok(statSync(pidFile).isFIFO());

  const third = await startRelay(scope, 20, '-p', join(directory, 'none', 'relay.pid'));
  await third.program.waitForLine(/the pid file cannot be written/);
  assert.equal(await third.ask('V'), '20040107');
});

/** Numbers from /proc: real, effective, saved, file system; then the supplementary groups. */
function identityOf(pid: number): { uids: string[]; gids: string[]; groups: string[] } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const row = (name: string): string[] =>
    (new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1] ?? '').split(/\s+/).filter((word) => word !== '');
  return { uids: row('Uid'), gids: row('Gid'), groups: row('Groups') };
}

function idsOf(user: string): { uid: string; gid: string } {
  const [, , uid = '', gid = ''] = execFileSync('getent', ['passwd', user], { encoding: 'utf8' }).split(':');
  return { uid, gid };
}

test('-u user: every id is the user’s, no group of root’s is left, and calls work', async (t) => {
  if (!peersPresent(t, 'root')) return;
  const { relay } = await start(openScope(t), '-u', 'nobody');
  const { uid, gid } = idsOf('nobody');
  assert.deepEqual(identityOf(relay.program.pid), {
    uids: [uid, uid, uid, uid],
    gids: [gid, gid, gid, gid],
    groups: [gid],
  });
  await relay.grant('U c 127.0.0.1 4000 A');
  assert.doesNotMatch(relay.program.output, /running as root/);
});

test('-u user:group: the group, and unix sockets that it may use, with the mode of -w', async (t) => {
  if (!peersPresent(t, 'root')) return;
  const scope = openScope(t);
  const { uid } = idsOf('nobody');
  const { gid } = idsOf('daemon');
  for (const [args, mode] of [
    [[], 0o755],
    // 432 is 0660.
    [['-w', '432'], 0o660],
  ] as const) {
    const { relay, socket } = await start(scope, '-u', 'nobody:daemon', ...args);
    const identity = identityOf(relay.program.pid);
    assert.deepEqual(identity.uids, [uid, uid, uid, uid]);
    assert.deepEqual(identity.gids, [gid, gid, gid, gid]);
    assert.deepEqual(identity.groups, [gid]);
    const stat = statSync(socket);
    assert.deepEqual([stat.mode & 0o7777, stat.gid], [mode, Number(gid)]);
    const client = connect(socket);
    scope.defer(() => void client.destroy());
    client.end('V');
    const reply = new Promise<string>((resolve) => client.once('data', (bytes) => resolve(bytes.toString())));
    assert.equal(await within('a reply', PATIENCE_MS, reply), '20040107\n');
  }
});

test('-u :group keeps the user; who may not become another one is told so, and nothing is started', async (t) => {
  if (!peersPresent(t, 'root')) return;
  const scope = openScope(t);
  const { gid } = idsOf('daemon');
  const { relay } = await start(scope, '-u', ':daemon');
  const identity = identityOf(relay.program.pid);
  assert.deepEqual([identity.uids[0], identity.gids[0]], ['0', gid]);

  const minPort = freePortRange(20);
  const weak = ['setpriv', '--bounding-set', '-setuid,-setgid', '--inh-caps', '-setuid,-setgid'] as const;
  const command = [...weak, process.execPath, binary('ims-relay'), '-s', 'stdio:', '-l', '127.0.0.1'] as const;
  const ports = ['-m', `${minPort}`, '-M', `${minPort + 19}`];
  for (const [user, reason] of [
    ['nobody', /-u nobody: .*(?:EPERM|not permitted)/],
    ['nobody:no-such-group', /-u nobody:no-such-group: there is no group "no-such-group"/],
  ] as const) {
    const { code, output } = await runProgram(scope, { command: [...command, ...ports, '-u', user] });
    assert.equal(code, 1);
    assert.match(output, reason);
    assert.doesNotMatch(output, /\n\s+at /, 'no stack');
  }
});
