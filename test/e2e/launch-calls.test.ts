/** Who of a call is heard, as the log, `events` and `calls` tell it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CallRow, CallsAnswer } from '../../src/app/launch/calls.ts';
import { Program, runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { keepTalking, RtpParty, sdpOf } from '../support/rtp-party.ts';
import { askRelay } from '../support/rtpp.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { SipPeer } from '../support/sip-peer.ts';
import { type System, startSystem } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

/** A subcommand of ims-launch, asked of the system. */
function command(system: System, ...words: string[]) {
  return {
    command: [process.execPath, binary('ims-launch'), ...words, '--config', join(system.directory, 'config.json')],
    env: { XDG_RUNTIME_DIR: system.directory },
    name: `ims-launch ${words.join(' ')}`,
  } as const;
}

async function calls(scope: Scope, system: System): Promise<CallsAnswer> {
  const { code, output } = await runProgram(scope, command(system, 'calls', '--json'));
  assert.equal(code, 0, output);
  return JSON.parse(output) as CallsAnswer;
}

function mediaPortOf(body: Uint8Array): number {
  return Number(/^m=audio (\d+)/m.exec(Buffer.from(body).toString())?.[1]);
}

test('a call of the built-in IMS: who talks, and that the callee is never heard', async (t) => {
  const scope = openScope(t);
  const system = await startSystem(scope, { config: { ims: { trustedPeers: ['127.0.0.1'] } } });
  const [caller, callee] = [await SipPeer.open(scope, system.sipPort), await SipPeer.open(scope, system.sipPort)];
  const voice = await RtpParty.open(scope, 'caller');
  const mute = await RtpParty.open(scope, 'callee');
  await callee.register('1002');
  const dialog = 'From: <sip:trunk@127.0.0.1>;tag=caller\nCall-ID: one-way';
  caller.send(`INVITE sip:1002@127.0.0.1 SIP/2.0\n${dialog}\nTo: <sip:1002@127.0.0.1>\nCSeq: 1 INVITE`, sdpOf(voice));
  const invite = await callee.request('INVITE');
  callee.answer(invite, 200, sdpOf(mute));
  const answer = await caller.response(200);
  caller.send(
    `ACK sip:1002@127.0.0.1:${system.sipPort} SIP/2.0\n${dialog}\nTo: ${answer.headers.get('To')}\nCSeq: 1 ACK`,
  );
  await callee.request('ACK');
  keepTalking(scope, voice, mediaPortOf(answer.body));

  const line = await system.launcher.waitForLine(/"verdict":"never-arrived"|never arrived at/);
  const heard = `127.0.0.1:${mediaPortOf(invite.body)}`;
  assert.ok(line.includes(heard), line);
  const { total, calls: rows } = await waitFor('a call whose caller is heard', async () => {
    const found = await calls(scope, system);
    return found.calls[0]?.caller.mos !== null && found;
  });
  const [row] = rows;
  assert.equal(total, 1);
  assert.ok(row !== undefined);
  assert.deepEqual([row.names?.caller, row.names?.callee], ['sip:trunk@127.0.0.1', 'sip:1002@127.0.0.1']);
  assert.deepEqual([row.callee.verdict, row.callee.local, row.callee.packets], ['never-arrived', heard, 0]);
  assert.match(row.callee.words, /^callee's RTP never arrived at .*: firewall or NAT on the callee's side$/);
  assert.deepEqual([row.caller.verdict, row.caller.codec], ['flows', 'PCMU']);

  const { output } = await runProgram(scope, command(system, 'calls'));
  assert.match(output, /^trunk → 1002 .* caller +PCMU +\d+ .* flows$/m);
  assert.ok(output.includes(row.callee.words), output);
  const events = await runProgram(scope, command(system, 'events'));
  const told = events.output.split('\n').find((each) => each.includes('media.never-arrived'));
  assert.ok(told?.includes('side=callee') && told.includes(row.callee.words), events.output);
});

test('a phone that rings after a 183 is not missed; once it has answered it is; a hold by a=sendonly is one', async (t) => {
  const scope = openScope(t);
  const system = await startSystem(scope, { config: { ims: { trustedPeers: ['127.0.0.1'] } } });
  const [caller, callee] = [await SipPeer.open(scope, system.sipPort), await SipPeer.open(scope, system.sipPort)];
  const [voice, other] = [await RtpParty.open(scope, 'caller'), await RtpParty.open(scope, 'callee')];
  await callee.register('1002');
  const dialog = 'From: <sip:trunk@127.0.0.1>;tag=caller\nCall-ID: rings';
  caller.send(`INVITE sip:1002@127.0.0.1 SIP/2.0\n${dialog}\nTo: <sip:1002@127.0.0.1>\nCSeq: 1 INVITE`, sdpOf(voice));
  const invite = await callee.request('INVITE');
  callee.answer(invite, 183, sdpOf(other));
  const progress = await caller.response(183);
  keepTalking(scope, voice, mediaPortOf(progress.body));
  const rowWhen = (what: string, is: (row: CallRow) => boolean): Promise<CallRow> =>
    waitFor(what, async () => {
      const row = (await calls(scope, system)).calls[0];
      return row !== undefined && is(row) && row;
    });
  // Longer than a party is waited for.
  const rings = await rowWhen('a call that rings for four seconds', ({ upMs }) => (upMs ?? 0) > 4000);
  assert.deepEqual([rings.caller.verdict, rings.callee.verdict], ['flows', 'waiting']);

  callee.answer(invite, 200, sdpOf(other));
  const answer = await caller.response(200);
  const to = `To: ${answer.headers.get('To')}`;
  caller.send(`ACK sip:1002@127.0.0.1:${system.sipPort} SIP/2.0\n${dialog}\n${to}\nCSeq: 1 ACK`);
  await rowWhen('a callee that is missed', (row) => row.callee.verdict === 'never-arrived');
  keepTalking(scope, other, mediaPortOf(invite.body));
  await rowWhen('a callee that is heard', (row) => row.callee.verdict === 'late');

  callee.received.length = 0;
  const hold = `INVITE sip:1002@127.0.0.1:${system.sipPort} SIP/2.0\n${dialog}\n${to}\nCSeq: 2 INVITE`;
  caller.send(hold, `${sdpOf(voice)}a=sendonly\r\n`);
  callee.answer(await callee.request('INVITE'), 200, `${sdpOf(other)}a=recvonly\r\n`);
  const held = await rowWhen('a call on hold', (row) => row.callee.verdict === 'held');
  assert.equal(held.caller.verdict, 'held');
  const events = await runProgram(scope, command(system, 'events'));
  const alarms = events.output.match(/media\.(?!held|late|flows)[a-z-]+/g);
  assert.deepEqual(alarms, ['media.never-arrived'], events.output);
});

test('a call of any proxy is told by its Call-ID, which moves no cursor; --watch goes on', async (t) => {
  const scope = openScope(t);
  const system = await startSystem(scope);
  assert.match((await runProgram(scope, command(system, 'calls'))).output, /^no calls$/m);
  const party = await RtpParty.open(scope, 'caller');
  const hostile = 'evil\u001b[2J\u001b]0;owned\u0007';
  await askRelay(system.relayPort, `U ${hostile} 127.0.0.1 ${party.port} from`);
  await askRelay(system.relayPort, `L ${hostile} 127.0.0.1 ${party.port + 1} from to`);
  const watch = Program.start(scope, command(system, 'calls', '--watch'));
  const row = await watch.waitForLine(/^evil/);
  assert.ok(![...watch.output].some((character) => character === '\u001b' || character === '\u0007'), row);
  await watch.waitForLine(/neither party's RTP arrived/);
  const events = await runProgram(scope, command(system, 'events'));
  assert.match(events.output, /callId=evil/);
  assert.ok(!events.output.includes('\u001b'), events.output);
  watch.signal('SIGINT');
  await watch.waitForExit();
});

test('nobody runs: the command says so', async (t) => {
  const scope = openScope(t);
  const system = await startSystem(scope);
  await system.stop();
  const { code, output } = await runProgram(scope, command(system, 'calls'));
  assert.notEqual(code, 0);
  assert.match(output, /no ims-launch runs with/);
});
