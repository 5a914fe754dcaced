/** `ims-launch capture`, judged by tshark: real calls, real RTP, and the ways in which a capture ends. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CapturedDatagram, parsePcap } from '../support/capture.ts';
import { viewRtp } from '../support/datagram-view.ts';
import { peersPresent } from '../support/peers.ts';
import { Program, runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { keepTalking, RtpParty } from '../support/rtp-party.ts';
import { askRelay } from '../support/rtpp.ts';
import { openScope, temporaryDirectory } from '../support/scope.ts';
import { headerOf } from '../support/sip-log.ts';
import { type System, startSystem } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';
import { placeCall, talkBothWays, toldMedia } from './calls.ts';

function command(system: System, ...words: string[]) {
  const config = join(system.directory, 'config.json');
  return {
    name: 'ims-launch capture',
    command: [process.execPath, binary('ims-launch'), 'capture', ...words, '--config', config],
    cwd: system.directory,
    env: { XDG_RUNTIME_DIR: system.directory },
  } as const;
}

/**
 * Fields of the packets that tshark shows with this filter. It is told where SIP is, of either side: random ports may be
 * another protocol's own. RTP it finds by the SDP alone.
 */
function decoded(path: string, filter: string, ...fields: string[]): string[][] {
  const sip = parsePcap(readFileSync(path)).filter(({ payload }) => isSip(payload));
  const ports = new Set(sip.flatMap(({ from, to }) => [from, to]).map((end) => end.slice(end.lastIndexOf(':') + 1)));
  const args = [
    ...['-r', path, '-Y', filter, '-T', 'fields'],
    ...[...ports].flatMap((port) => ['-d', `udp.port==${port},sip`]),
    ...fields.flatMap((field) => ['-e', field]),
  ];
  const output = execFileSync('tshark', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  return output === '' ? [] : output.split('\n').map((row) => row.split('\t'));
}

function isSip(payload: Uint8Array): boolean {
  return /^[A-Z]+ sip:|^SIP\/2\.0 /.test(Buffer.from(payload.subarray(0, 40)).toString('latin1'));
}

function rtpOf(datagrams: readonly CapturedDatagram[], ssrc: number): number[] {
  return datagrams.flatMap(({ payload }) => {
    const view = viewRtp(Buffer.from(payload));
    return view?.ssrc === ssrc ? [view.sequenceNumber] : [];
  });
}

test('a call from its INVITE to its BYE: tshark finds SIP of both legs, and by its SDP the RTP and RTCP of both parties', async (t) => {
  if (!peersPresent(t, 'sipp', 'tshark')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const path = join(system.directory, 'call.pcap');
  const call = await placeCall(scope, system, { caller: 'caller', callee: 'callee' });
  const callee = headerOf(await call.callee.received(/^ACK/), 'Call-ID') ?? '';
  // The callee's leg names the call, too; an hour is longer than the call.
  const capture = Program.start(scope, command(system, '--call', callee, '--seconds', '3600', '--output', path));
  await capture.waitForLine(/^capturing into /);
  await talkBothWays(call);
  const told = await toldMedia(call);
  await call.caller.proceed();
  await call.caller.completes();
  const { code } = await capture.waitForExit();
  assert.equal(code, 0, capture.output);
  assert.match(capture.output, /call\.pcap: \d+ SIP messages, \d+ packets of media, .*: the call is over$/m);
  assert.match(capture.output, new RegExp(`-d udp\\.port==${system.sipPort},sip$`, 'm'));
  assert.equal(statSync(path).mode & 0o777, 0o600);

  const datagrams = parsePcap(readFileSync(path));
  const sip = decoded(path, 'sip', 'sip.Method', 'sip.Status-Code', 'sip.Call-ID', 'sip.CSeq', '_ws.malformed');
  // On a busy machine one or the other is sent again.
  const distinct = new Set(sip.map(([method, status, callId, cseq]) => `${method || status} ${callId} ${cseq}`));
  const methods = [...distinct].map((key) => key.split(' ')[0]);
  for (const [what, times] of [
    // The caller's first one was challenged.
    ['INVITE', 3],
    ['407', 1],
    ['180', 2],
    ['ACK', 3],
    ['BYE', 2],
  ] as const) {
    assert.equal(methods.filter((each) => each === what).length, times, `${what} in ${methods}`);
  }
  assert.equal(new Set(sip.map(([, , callId]) => callId)).size, 2);
  assert.ok(
    sip.every(([, , , , malformed = '']) => malformed === ''),
    JSON.stringify(sip),
  );
  const text = readFileSync(path, 'latin1');
  assert.match(text, /response=\*\*\*/);
  assert.doesNotMatch(text, /response="?[0-9a-f]/);

  const rtp = decoded(path, 'rtp', 'rtp.ssrc', 'rtp.setup-frame', 'udp.srcport', 'udp.dstport');
  for (const [party, to] of [
    [call.callerMedia, told.caller],
    [call.calleeMedia, told.callee],
  ] as const) {
    const sequence = rtpOf(datagrams, party.ssrc);
    assert.deepEqual(
      sequence,
      Array.from({ length: 25 }, (_, index) => index),
      party.name,
    );
    const found = rtp.filter(([ssrc]) => Number(ssrc) === party.ssrc);
    assert.equal(found.length, 25);
    assert.ok(
      found.every(([, setup = '']) => Number(setup) > 0),
      'known by an SDP that was before it',
    );
    assert.deepEqual(found[0]?.slice(2), [String(party.port), String(to.port)]);
  }
  assert.ok(decoded(path, 'rtcp', 'frame.number').length >= 2);

  // It is there now; of a call that is over, its SIP is left.
  const again = await runProgram(scope, command(system, '--call', callee, '--output', path));
  assert.equal(again.code, 73, again.output);
  assert.match(again.output, /exists and is left as it is/);
  const late = await runProgram(scope, command(system, '--call', callee, '--output', path, '--force'));
  assert.equal(late.code, 0, late.output);
  const [, kept = ''] = /: (\d+) SIP messages, 0 packets of media/.exec(late.output) ?? [];
  assert.ok(Number(kept) >= sip.length, late.output);
  const unknown = await runProgram(scope, command(system, '--call', 'no\u001b[2Jbody'));
  assert.equal(unknown.code, 1);
  assert.match(unknown.output, /neither relay nor IMS knows a call no/);
  assert.ok(!unknown.output.includes('\u001b'));
});

/** As other proxies give them to a relay: longer, and with other characters, than `ims-server` would. */
const FOREIGN = `x<${'long'.repeat(30)}>=1+%s@[::1]`;

test('a call of any proxy; the largest size, standard output, Ctrl-C and the end of the relay end a capture, and the file is whole', async (t) => {
  if (!peersPresent(t, 'bash')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const directory = await temporaryDirectory(scope);
  const [voice, ear] = [await RtpParty.open(scope, 'caller'), await RtpParty.open(scope, 'callee')];
  const forBob = Number((await askRelay(system.relayPort, `U ${FOREIGN} 127.0.0.1 ${voice.port} A`)).split(' ')[0]);
  await askRelay(system.relayPort, `L ${FOREIGN} 127.0.0.1 ${ear.port} A B`);
  keepTalking(scope, ear, forBob);
  const wholeFile = (path: string): CapturedDatagram[] => {
    const bytes = readFileSync(path);
    let end = 24;
    while (end + 16 <= bytes.length) {
      end += 16 + bytes.readUInt32LE(end + 8);
    }
    assert.equal(end, bytes.length, 'it ends with a whole record');
    return parsePcap(bytes);
  };

  const small = join(directory, 'small.pcap');
  const full = await runProgram(scope, command(system, '--call', FOREIGN, '-o', small, '--max-megabytes', '0.01'));
  assert.match(full.output, /it has its largest size/);
  assert.equal(full.code, 0);
  assert.ok(statSync(small).size <= 10_000 && statSync(small).size > 9000);
  assert.ok(wholeFile(small).length > 30);

  const timed = join(directory, 'timed.pcap');
  const ended = await runProgram(scope, command(system, '--seconds', '0.5', '-o', timed));
  assert.match(ended.output, /the time is over/);

  const all = join(directory, 'all.pcap');
  const interrupted = Program.start(scope, command(system, '-o', all));
  await interrupted.waitForLine(/^capturing into /);
  await waitFor('some of it in the file', () => statSync(all).size > 5000);
  interrupted.signalGroup('SIGINT');
  assert.deepEqual(await interrupted.waitForExit(), { code: 0, signal: null }, interrupted.output);
  assert.match(interrupted.output, /ended as asked/);
  const sequence = rtpOf(wholeFile(all), ear.ssrc);
  const [first = 0] = sequence;
  assert.deepEqual(
    sequence,
    sequence.map((_, index) => first + index),
    'nothing is missing in between',
  );

  // A reader that takes a little and goes.
  const piped = await runProgram(scope, {
    ...command(system),
    command: [
      'bash',
      '-c',
      `"$@" | head -c 24 | od -A n -t x4 | head -1`,
      'bash',
      ...command(system, '-o', '-').command,
    ],
  });
  assert.match(piped.output, /a1b2c3d4/);
  assert.match(piped.output, /nobody reads it any more/);

  const last = join(directory, 'last.pcap');
  const orphan = Program.start(scope, command(system, '-o', last));
  await orphan.waitForLine(/^capturing into /);
  await waitFor('some of it in the file', () => statSync(last).size > 1000);
  assert.equal((await runProgram(scope, { ...command(system), command: restart(system) })).code, 0);
  assert.equal((await orphan.waitForExit()).code, 0, orphan.output);
  assert.match(orphan.output, /the relay that it came from has ended/);
  assert.ok(wholeFile(last).length > 0);
  for (const value of ['0', '1e9']) {
    assert.equal((await runProgram(scope, command(system, '--seconds', value))).code, 64, value);
  }
});

function restart(system: System): [string, ...string[]] {
  return [
    process.execPath,
    binary('ims-launch'),
    'restart',
    'relay',
    '--config',
    join(system.directory, 'config.json'),
  ];
}
