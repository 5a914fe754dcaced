/** A prompt of the relay (`P`), heard by a phone in a call, and gone with `S`. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Baresip } from '../support/baresip.ts';
import { openNetwork } from '../support/network.ts';
import { peersPresent } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { projectRoot } from '../support/project.ts';
import { openScope, temporaryDirectory } from '../support/scope.ts';
import { READY_LINE } from '../support/system.ts';
import { TELEPHONE_RATE_HZ, toneShare, toneWav } from '../support/tone.ts';
import { waitFor } from '../support/wait.ts';

const PROMPT_HZ = 1500;
const BOB_HZ = 600;

/** Energy at one frequency in the last half second. */
function endsWith(samples: Float64Array, frequencyHz: number): number {
  return toneShare(samples.subarray(Math.max(0, samples.length - TELEPHONE_RATE_HZ / 2)), frequencyHz);
}

test('a prompt is heard by a baresip phone in place of the other party, until S', async (t) => {
  if (!peersPresent(t, 'baresip', 'network namespaces')) return;
  const scope = openScope(t);
  const { server, alice, bob } = await openNetwork(scope, ['server', 'alice', 'bob']);
  const directory = await temporaryDirectory(scope);
  const wav = join(directory, 'prompt.wav');
  const prompt = join(directory, 'prompt');
  writeFileSync(wav, toneWav(PROMPT_HZ, 1, 16_000));
  execFileSync(process.execPath, [join(projectRoot, 'build', 'scripts', 'make-prompt.js'), wav, prompt]);

  const system = Program.start(scope, {
    name: 'npm-start',
    command: ['npm', 'start'],
    cwd: projectRoot,
    env: { IMS_LAUNCH_DATA_DIR: directory, XDG_RUNTIME_DIR: directory },
    namespace: server.namespace,
  });
  await system.waitForLine(READY_LINE, 30_000);
  const phone = { registrar: server.address, password: '1234' };
  await Baresip.start(scope, { ...phone, name: 'bob', host: bob, user: '1002', toneHz: BOB_HZ, answer: 'auto' });
  const caller = await Baresip.start(scope, {
    ...phone,
    name: 'alice',
    host: alice,
    user: '1001',
    toneHz: 400,
    answer: 'manual',
  });
  caller.dial(`sip:1002@${server.address}`);
  await caller.established();
  const heard = (frequencyHz: number): Promise<boolean> =>
    waitFor(
      `${frequencyHz} Hz at the phone`,
      async () => {
        const samples = await caller.heard();
        return samples.length > TELEPHONE_RATE_HZ && endsWith(samples, frequencyHz) > 0.8;
      },
      { timeoutMs: 20_000, intervalMs: 200 },
    );
  await heard(BOB_HZ);

  const answered = system.output.split('\n').findLast((line) => line.includes('session answered')) ?? '';
  const [, callId = ''] = /"callId":"([^"]+)"/.exec(answered) ?? [];
  const [, fromTag = ''] = /"fromTag":"([^"]+)"/.exec(answered) ?? [];
  let cookies = 0;
  const ask = (command: string): string =>
    execFileSync(
      'ip',
      [
        ...['netns', 'exec', server.namespace, 'timeout', '5', 'bash', '-c'],
        'exec 3<>/dev/udp/127.0.0.1/7722; printf "%s" "$1" >&3; head -n 1 <&3',
        ...['ask', `test${++cookies} ${command}`],
      ],
      { encoding: 'utf8' },
    ).trim();
  assert.equal(ask(`P-1 ${callId} ${prompt} 0,8 ${fromTag}`), 'test1 0', answered);
  await heard(PROMPT_HZ);
  assert.equal(ask(`S ${callId} ${fromTag}`), 'test2 0');
  await heard(BOB_HZ);
  caller.hangUp();
  await caller.closed();
});
