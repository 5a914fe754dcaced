/** `ims-launch capture` of a call that the kernel forwards: it comes to us for that time, and goes back. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CallsAnswer } from '../../src/app/launch/calls.ts';
import { type Destination, openAttackNetwork, Phone } from '../support/attack-world.ts';
import { parsePcap } from '../support/capture.ts';
import { viewRtp } from '../support/datagram-view.ts';
import { moveInto } from '../support/namespace-socket.ts';
import { peersPresent } from '../support/peers.ts';
import { Program, runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { askRelay } from '../support/rtpp.ts';
import { openScope, temporaryDirectory } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

const GENEROUS = { timeoutMs: 60_000, intervalMs: 100 };

test('media leaves the kernel while it is captured and returns afterwards; no packet is lost, none is missing in the file', async (t) => {
  if (!peersPresent(t, 'network namespaces', 'bpf')) return;
  const scope = openScope(t);
  const hosts = await openAttackNetwork(scope);
  const directory = await temporaryDirectory(scope);
  const config = join(directory, 'config.json');
  const relay = { port: 7722, minPort: 20_000, maxPort: 20_019, plane: 'kernel' };
  writeFileSync(config, JSON.stringify({ SERVER_ADDR: hosts.relay.address, dataDir: join(directory, 'data'), relay }));
  const launch = (...words: string[]) =>
    ({
      name: `ims-launch ${words.join(' ')}`,
      command: [process.execPath, binary('ims-launch'), ...words, '--config', config],
      cwd: directory,
      env: { XDG_RUNTIME_DIR: directory },
      namespace: hosts.relay.namespace,
    }) as const;
  const launcher = Program.start(scope, launch('start'));
  await launcher.waitForLine(READY_LINE, 60_000);
  const [alice, bob] = [new Phone(scope, hosts.alice, 4000), new Phone(scope, hosts.bob, 4000)];
  [alice.partner, bob.partner] = [bob, alice];
  moveInto(scope, hosts.relay.namespace);
  const grant = async (command: string): Promise<Destination> => {
    const reply = await askRelay(relay.port, command);
    assert.match(reply, /^\d+ /, command);
    return { address: hosts.relay.address, port: Number(reply.split(' ')[0]) };
  };
  const forBob = await grant(`U call ${alice.host.address} 4000 A`);
  const forAlice = await grant(`L call ${bob.host.address} 4000 A B`);
  alice.talk(forAlice);
  bob.talk(forBob);
  const waysAre = (way: string) =>
    waitFor(
      `both directions to be ${way}`,
      async () => {
        const { output } = await runProgram(scope, launch('calls', '--json'));
        const [call] = (JSON.parse(output) as CallsAnswer).calls;
        return call?.caller.way === way && call.callee.way === way;
      },
      GENEROUS,
    );
  await waysAre('kernel');
  const file = join(directory, 'call.pcap');
  const capture = Program.start(scope, launch('capture', '--call', 'call', '--output', file));
  await capture.waitForLine(/^capturing into /);
  await waysAre('copied');
  const before = [alice.sent, bob.sent] as const;
  await waitFor('a second of words', () => alice.sent > before[0] + 50 && bob.sent > before[1] + 50, GENEROUS);
  capture.signal('SIGINT');
  assert.equal((await capture.waitForExit()).code, 0, capture.output);
  await waysAre('kernel');
  alice.fallSilent();
  bob.fallSilent();
  await waitFor('every word', () => alice.heard.size >= bob.sent && bob.heard.size >= alice.sent, GENEROUS);
  assert.deepEqual([alice.foreign, bob.foreign], [0, 0]);

  const datagrams = parsePcap(readFileSync(file));
  for (const [phone, to] of [
    [alice, forAlice],
    [bob, forBob],
  ] as const) {
    const way = `${phone.host.address}:4000 ${to.address}:${to.port}`;
    const words = datagrams.filter(({ from, to }) => `${from} ${to}` === way);
    const sequence = words.flatMap(({ payload }) => viewRtp(Buffer.from(payload))?.sequenceNumber ?? []);
    assert.ok(sequence.length >= 50, way);
    const sorted = [...sequence].sort((one, other) => one - other);
    assert.equal(
      (sorted.at(-1) ?? 0) - (sorted[0] ?? 0) + 1,
      sorted.length,
      'from the first to the last none is missing',
    );
  }
});
