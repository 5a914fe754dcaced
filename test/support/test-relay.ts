/**
 * The shipped ims-relay on loopback, and sessions through it. With IMS_TEST_PLANE in the environment packets are moved
 * by that plane, so that the same tests can be run on each.
 */
import assert from 'node:assert/strict';
import { freePortRange } from './ports.ts';
import { Program } from './program.ts';
import { binary } from './project.ts';
import type { RtpParty } from './rtp-party.ts';
import { askRelay } from './rtpp.ts';
import type { Scope } from './scope.ts';

/** What the relay is started with besides; nothing: it takes the fastest plane. */
export function planeArguments(): string[] {
  const plane = process.env['IMS_TEST_PLANE'];
  return plane === undefined ? [] : ['--plane', plane];
}

export interface TestRelay {
  readonly program: Program;
  readonly control: number;
  readonly minPort: number;
  ask(command: string): Promise<string>;
  /** The port that a U or L granted. */
  grant(command: string): Promise<number>;
}

export async function startRelay(scope: Scope, pairs = 20, ...more: string[]): Promise<TestRelay> {
  // One block: a control port among the media ports is refused by who is told both.
  const control = freePortRange(2 + pairs * 2);
  const minPort = control + 2;
  const range = ['-m', `${minPort}`, '-M', `${minPort + pairs * 2 - 1}`];
  const program = Program.start(scope, {
    name: 'ims-relay',
    command: [
      process.execPath,
      binary('ims-relay'),
      '-f',
      '-F',
      '-l',
      '127.0.0.1',
      '-s',
      `udp:127.0.0.1:${control}`,
      ...range,
      ...planeArguments(),
      ...more,
    ],
  });
  await program.waitForLine(/relay ready/);
  const ask = (command: string): Promise<string> => askRelay(control, command);
  return {
    program,
    control,
    minPort,
    ask,
    async grant(command) {
      const reply = await ask(command);
      assert.match(reply, /^\d+ 127\.0\.0\.1$/, command);
      return Number(reply.split(' ')[0]);
    },
  };
}

/** A complete session between two parties whose addresses are signalled. */
export async function startSession(
  relay: TestRelay,
  caller: RtpParty,
  callee: RtpParty,
  callId = 'call',
): Promise<{ forCaller: { address: string; port: number }; forCallee: { address: string; port: number } }> {
  const calleeFacing = await relay.grant(`U ${callId} 127.0.0.1 ${caller.port} A`);
  const callerFacing = await relay.grant(`L ${callId} 127.0.0.1 ${callee.port} A B`);
  return {
    forCaller: { address: '127.0.0.1', port: callerFacing },
    forCallee: { address: '127.0.0.1', port: calleeFacing },
  };
}
