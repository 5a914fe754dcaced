/** Which packet plane the shipped ims-relay takes where not everything is permitted, and that media passes there. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fixture } from '../support/launcher.ts';
import { freePortRange, freeUdpPort } from '../support/ports.ts';
import { Program } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { converse, RtpParty } from '../support/rtp-party.ts';
import { askRelay } from '../support/rtpp.ts';
import { openScope, type Scope } from '../support/scope.ts';

interface Relay {
  readonly program: Program;
  readonly ready: string;
  readonly control: number;
}

/** With a module that is loaded before the relay's own code. */
async function startWith(scope: Scope, preload: string, ...more: string[]): Promise<Relay> {
  const control = await freeUdpPort();
  const minPort = freePortRange(20);
  const [, path = ''] = fixture(preload);
  const options = ['-f', '-F', '-l', '127.0.0.1', '-m', `${minPort}`, '-M', `${minPort + 19}`];
  const program = Program.start(scope, {
    name: 'ims-relay',
    command: [
      process.execPath,
      '--import',
      path,
      binary('ims-relay'),
      ...options,
      ...['-s', `udp:127.0.0.1:${control}`],
      ...more,
    ],
  });
  return { program, control, ready: await program.waitForLine(/relay ready/, 30_000) };
}

async function talkThrough(scope: Scope, { control }: Relay): Promise<void> {
  const caller = await RtpParty.open(scope, 'caller');
  const callee = await RtpParty.open(scope, 'callee');
  const grant = async (command: string): Promise<{ address: string; port: number }> => ({
    address: '127.0.0.1',
    port: Number((await askRelay(control, command)).split(' ')[0]),
  });
  const forCallee = await grant(`U call 127.0.0.1 ${caller.port} A`);
  const forCaller = await grant(`L call 127.0.0.1 ${callee.port} A B`);
  await converse({ party: caller, to: forCaller }, { party: callee, to: forCallee });
}

test('without a capability, io_uring and bpf the native plane works', async (t) => {
  const scope = openScope(t);
  const relay = await startWith(scope, 'confined');
  assert.match(relay.ready, /"plane":"native","reason":"the fastest that works here; kernel: media is on loopback"/);
  const threads = readdirSync(`/proc/${relay.program.pid}/task`);
  for (const thread of threads) {
    const status = readFileSync(`/proc/${relay.program.pid}/task/${thread}/status`, 'utf8');
    assert.match(status, /^Seccomp:\t2$/m);
  }
  assert.match(readFileSync(`/proc/${relay.program.pid}/status`, 'utf8'), /^CapEff:\t0+$/m);
  await talkThrough(scope, relay);
});

test('where koffi has no binary the portable plane is taken, and the line says why', async (t) => {
  const scope = openScope(t);
  const relay = await startWith(scope, 'without-koffi');
  assert.match(relay.ready, /portable/);
  assert.match(relay.ready, /native: koffi has no binary/);
  await talkThrough(scope, relay);
  const asked = await startWith(scope, 'without-koffi', '--plane=native');
  await asked.program.waitForLine(/another packet plane stands in for the one asked for/);
});
