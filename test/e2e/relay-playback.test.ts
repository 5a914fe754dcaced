/** Prompts (`P`, `S`), through the shipped ims-relay: what the party hears, and what it does not hear meanwhile. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { viewRtp } from '../support/datagram-view.ts';
import { projectRoot } from '../support/project.ts';
import { RtpParty } from '../support/rtp-party.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { startRelay, startSession } from '../support/test-relay.ts';
import { decodeG711, joinSamples, toneShare, toneWav } from '../support/tone.ts';
import { waitFor } from '../support/wait.ts';

const TONE_HZ = 700;

/** As an operator makes one: with the script, from a WAV of another rate. */
async function makePrompt(scope: Scope, seconds: number): Promise<string> {
  const directory = await temporaryDirectory(scope);
  const wav = join(directory, 'tone.wav');
  writeFileSync(wav, toneWav(TONE_HZ, seconds, 44_100));
  const name = join(directory, 'prompt');
  execFileSync(process.execPath, [join(projectRoot, 'build', 'scripts', 'make-prompt.js'), wav, name]);
  return name;
}

function heardTone(party: RtpParty): number {
  const pieces = party.rtp.map(({ bytes }) => {
    const { payloadType = -1, payload = new Uint8Array(0) } = viewRtp(bytes) ?? {};
    return decodeG711(payloadType, payload) ?? new Float64Array(0);
  });
  return toneShare(joinSamples(pieces), TONE_HZ);
}

test('P plays a prompt in packets of 10 ms, in order, with one marker; then the call goes on', async (t) => {
  const scope = openScope(t);
  const prompt = await makePrompt(scope, 0.505);
  const relay = await startRelay(scope);
  const caller = await RtpParty.open(scope, 'caller');
  const callee = await RtpParty.open(scope, 'callee');
  const { forCallee } = await startSession(relay, caller, callee);
  assert.equal(await relay.ask(`P call ${prompt} 18,8,0 A B`), '0');
  await callee.talk(forCallee, 5);
  assert.equal(caller.heardFrom(callee).length, 0, 'the other party is not heard while the prompt plays');
  await waitFor('the end of the prompt', async () => (await relay.ask('G nplrs_destroyed')) === '1');
  await waitFor('all packets', () => caller.rtp.length === 51);

  const packets = caller.rtp.map(({ bytes }) => ({ bytes, view: viewRtp(bytes) }));
  const [first] = packets;
  assert.ok(first?.view);
  for (const [index, { bytes, view }] of packets.entries()) {
    assert.ok(view);
    assert.equal(view.payloadType, 8, 'the first payload type that has a file');
    assert.equal(view.payload.length, index === 50 ? 40 : 80);
    assert.equal(view.sequenceNumber, (first.view.sequenceNumber + index) & 0xffff);
    assert.equal(view.timestamp, (first.view.timestamp + 80 * index) >>> 0);
    assert.equal(view.ssrc, first.view.ssrc);
    assert.equal((bytes[1] ?? 0) >> 7, index === 0 ? 1 : 0, 'the marker');
  }
  assert.ok(heardTone(caller) > 0.95, `${heardTone(caller)}`);
  assert.equal(await relay.ask('G nplrs_created npkts_played'), '1 51');
  assert.equal((await relay.ask('Q call A B ndropped')).split(' ')[0], '5');

  await callee.talk(forCallee, 10);
  await waitFor('the other party', () => caller.heardFrom(callee).length === 10);
});

test('a count below 0 plays for ever, keeps the session alive, and ends with S; another P replaces it', async (t) => {
  const scope = openScope(t);
  const prompt = await makePrompt(scope, 0.1);
  const relay = await startRelay(scope, 20, '-T', '1');
  const caller = await RtpParty.open(scope, 'caller');
  const callee = await RtpParty.open(scope, 'callee');
  await startSession(relay, caller, callee);
  assert.equal(await relay.ask(`P-1 call ${prompt} 0 A B`), '0');
  await waitFor('three seconds of it', () => caller.rtp.length >= 300, { timeoutMs: 15_000 });
  assert.equal(await relay.ask(`P-1 call ${prompt} 0 A B`), '0');
  assert.equal(await relay.ask('G nplrs_created nplrs_destroyed'), '2 1');
  assert.equal(await relay.ask('S call A B'), '0');
  assert.equal(await relay.ask('G nplrs_created nplrs_destroyed'), '2 2');
  const played = Number(await relay.ask('G npkts_played'));
  await waitFor('what was on its way', () => caller.rtp.length === played);
  await waitFor('the end of the session', async () => (await relay.ask('G nsess_timeout')) === '1', {
    timeoutMs: 15_000,
  });
  assert.equal(caller.rtp.length, played, 'nothing after S');
});

test('P0 only stops; a payload type that cannot be played, a directory and a missing file are E60 and mute nobody', async (t) => {
  const scope = openScope(t);
  const prompt = await makePrompt(scope, 5);
  const relay = await startRelay(scope);
  const caller = await RtpParty.open(scope, 'caller');
  const callee = await RtpParty.open(scope, 'callee');
  const { forCallee } = await startSession(relay, caller, callee);
  writeFileSync(`${prompt}.97`, 'data');
  assert.equal(await relay.ask(`P call ${prompt} 0 A B`), '0');
  assert.equal(await relay.ask(`P0 call ${prompt} 0 A B`), '0');
  for (const wrong of [`${prompt} 97`, `${prompt} 4`, '/dev/zero 0', `${prompt} 0,x`]) {
    assert.equal(await relay.ask(`P call ${wrong} A B`), 'E60', wrong);
  }
  await callee.talk(forCallee, 5);
  await waitFor('the other party', () => caller.heardFrom(callee).length === 5);
});

test('a prompt waits until the party’s address is known; session plays the codecs of its last command with its Z', async (t) => {
  const scope = openScope(t);
  const prompt = await makePrompt(scope, 0.2);
  const relay = await startRelay(scope);
  const caller = await RtpParty.open(scope, 'caller');
  const callee = await RtpParty.open(scope, 'callee');
  assert.equal(await relay.ask('Uc0 call * 0 A').then((reply) => reply.split(' ').length), 2);
  const callerFacing = await relay.grant(`Lz30 call 127.0.0.1 ${callee.port} A B`);
  assert.equal(await relay.ask(`P call ${prompt} session A B`), '0');
  // Five packets in a row over 60 ms prove an unsignalled source; a busy machine may hand over several at once.
  await caller.talk({ address: '127.0.0.1', port: callerFacing }, 40);
  await waitFor('the prompt', async () => caller.rtp.length === 7, { timeoutMs: 10_000 });
  const lengths = caller.rtp.map(({ bytes }) => viewRtp(bytes)?.payload.length);
  assert.deepEqual(lengths, [240, 240, 240, 240, 240, 240, 160]);
});

test('Z40 makes packets of 40 ms of packets of 20 ms, and what is left over leaves by itself', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope);
  const caller = await RtpParty.open(scope, 'caller');
  const callee = await RtpParty.open(scope, 'callee');
  const calleeFacing = await relay.grant(`U call 127.0.0.1 ${caller.port} A`);
  assert.ok(calleeFacing > 0);
  const callerFacing = await relay.grant(`L call 127.0.0.1 ${callee.port} A B`);
  await relay.grant(`Uz40 call 127.0.0.1 ${caller.port} A`);
  await caller.talk({ address: '127.0.0.1', port: callerFacing }, 5);
  await waitFor('the packets of the caller, cut anew', () => callee.rtp.length === 3);
  assert.deepEqual(
    callee.rtp.map(({ bytes }) => viewRtp(bytes)?.payload.length),
    [320, 320, 160],
  );
  assert.equal(await relay.ask('G npkts_resizer_in npkts_resizer_out npkts_resizer_discard'), '5 3 0');
});
