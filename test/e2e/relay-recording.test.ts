/** Recordings and copies (`R`, `C`, `N`, `-a`), through the shipped ims-relay: what is in the files, and who hears the copies. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parsePcap } from '../support/capture.ts';
import { viewRtp } from '../support/datagram-view.ts';
import { peersPresent } from '../support/peers.ts';
import { converse, RtpParty } from '../support/rtp-party.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { startRelay, startSession } from '../support/test-relay.ts';
import { rtpIn } from '../support/tshark.ts';
import { waitFor } from '../support/wait.ts';

const PACKETS = 25;

async function openParties(scope: Scope): Promise<{ caller: RtpParty; callee: RtpParty }> {
  return { caller: await RtpParty.open(scope, 'caller'), callee: await RtpParty.open(scope, 'callee') };
}

interface AdHocPacket {
  readonly port: number;
  readonly seconds: number;
  readonly payload: Buffer;
}

function parseAdHoc(file: Buffer): AdHocPacket[] {
  const packets: AdHocPacket[] = [];
  for (let at = 0; at < file.length; ) {
    const length = file.readUInt16LE(at + 28);
    assert.equal(file.readUInt16LE(at), 2, 'AF_INET');
    assert.deepEqual([...file.subarray(at + 4, at + 8)], [127, 0, 0, 1]);
    packets.push({
      port: file.readUInt16BE(at + 2),
      seconds: file.readDoubleLE(at + 20),
      payload: file.subarray(at + 30, at + 30 + length),
    });
    at += 30 + length;
  }
  return packets;
}

test('R writes what each party sent, RTP and RTCP apart, in rtpproxy’s format and under its names', async (t) => {
  const scope = openScope(t);
  const directory = await temporaryDirectory(scope);
  const relay = await startRelay(scope, 20, '-r', directory);
  const { caller, callee } = await openParties(scope);
  const { forCaller, forCallee } = await startSession(relay, caller, callee);
  assert.equal(await relay.ask('R call A B'), '0');
  assert.equal(await relay.ask('R call B A'), '0');
  const before = Date.now() / 1000;
  await converse({ party: caller, to: forCaller }, { party: callee, to: forCallee }, PACKETS);
  assert.equal(await relay.ask('D call A B'), '0');

  const names = ['call=A.a.rtcp', 'call=A.a.rtp', 'call=A.o.rtcp', 'call=A.o.rtp'];
  await waitFor('four files', () => readdirSync(directory).length === 4);
  assert.deepEqual(readdirSync(directory).sort(), names);
  for (const [ending, party] of [
    ['o', caller],
    ['a', callee],
  ] as const) {
    const file = join(directory, `call=A.${ending}.rtp`);
    await waitFor(`the packets of ${party.name}`, () => parseAdHoc(readFileSync(file)).length === PACKETS);
    const packets = parseAdHoc(readFileSync(file));
    assert.deepEqual(
      packets.map(({ payload }) => viewRtp(payload)?.sequenceNumber),
      Array.from({ length: PACKETS }, (_, index) => index),
    );
    for (const { port, seconds, payload } of packets) {
      assert.equal(port, party.port);
      assert.equal(viewRtp(payload)?.ssrc, party.ssrc);
      assert.ok(seconds >= before - 1 && seconds <= Date.now() / 1000 + 1, `${seconds}`);
    }
    const rtcp = join(directory, `call=A.${ending}.rtcp`);
    await waitFor(`the report of ${party.name}`, () => readFileSync(rtcp).length > 0);
    assert.equal(parseAdHoc(readFileSync(rtcp)).length, 1);
  }
});

test('pain 28: Rs with -P: one pcap of both parties, which appears under its name when the session ends; tshark decodes it', async (t) => {
  if (!peersPresent(t, 'tshark')) {
    return;
  }
  const scope = openScope(t);
  const root = await temporaryDirectory(scope);
  const [directory, spool] = [join(root, 'final'), join(root, 'spool')];
  mkdirSync(directory);
  mkdirSync(spool);
  const relay = await startRelay(scope, 20, '-P', '-r', directory, '-S', spool);
  const { caller, callee } = await openParties(scope);
  const { forCaller, forCallee } = await startSession(relay, caller, callee);
  assert.equal(await relay.ask('Rs call A B'), '0');
  assert.equal(await relay.ask('Rs call B A'), '0');
  assert.equal(await relay.ask('Rs call A B'), 'E50', 'already recorded into the file');
  await converse({ party: caller, to: forCaller }, { party: callee, to: forCallee }, PACKETS);
  assert.deepEqual(readdirSync(directory), []);
  assert.deepEqual(readdirSync(spool), ['call=A.pcap']);
  assert.equal(await relay.ask('D call A B'), '0');
  await waitFor('the complete file', () => readdirSync(directory).length === 1);
  assert.deepEqual(readdirSync(spool), []);

  const path = join(directory, 'call=A.pcap');
  const datagrams = parsePcap(readFileSync(path));
  const count = (from: number, to: number): number =>
    datagrams.filter((datagram) => datagram.from === `127.0.0.1:${from}` && datagram.to === `127.0.0.1:${to}`).length;
  assert.equal(count(caller.port, forCaller.port), PACKETS);
  assert.equal(count(callee.port, forCallee.port), PACKETS);
  assert.equal(count(caller.port + 1, forCaller.port + 1), 1);
  assert.equal(count(callee.port + 1, forCallee.port + 1), 1);

  const rows = rtpIn(
    path,
    ['rtp.ssrc', 'udp.checksum.status', 'ip.checksum.status'],
    ['udp.check_checksum:TRUE', 'ip.check_checksum:TRUE'],
  );
  assert.equal(rows.length, 2 * PACKETS);
  assert.ok(
    rows.every(([, udp, ip]) => udp === '1' && ip === '1'),
    'every checksum is good',
  );
  const ssrcs = new Set(rows.map(([ssrc]) => Number(ssrc)));
  assert.deepEqual([...ssrcs].sort(), [caller.ssrc, callee.ssrc].sort());
});

test('C udp: copies go to another host, from the port that p tells, until N', async (t) => {
  const scope = openScope(t);
  const relay = await startRelay(scope);
  const { caller, callee } = await openParties(scope);
  const listener = await RtpParty.open(scope, 'listener');
  const { forCaller, forCallee } = await startSession(relay, caller, callee);
  const reply = await relay.ask(`Cp call udp:127.0.0.1:${listener.port} A B`);
  assert.match(reply, /^\d+ 127\.0\.0\.1$/);
  await converse({ party: caller, to: forCaller }, { party: callee, to: forCallee }, PACKETS);
  await listener.waitUntilHeard(caller, PACKETS);
  assert.equal(listener.heardFrom(callee).length, 0, 'the other party is not copied');
  assert.ok(listener.heardFrom(caller).every(({ fromPort }) => `${fromPort} 127.0.0.1` === reply));
  assert.equal(await relay.ask('N call A B'), '0');
  assert.equal(await relay.ask('N call A B'), 'E50');
  const heard = listener.rtp.length;
  await caller.talk(forCaller, 3);
  await callee.waitUntilHeard(caller, PACKETS);
  assert.equal(listener.rtp.length, heard);
  for (const target of [
    'udp:127.0.0.1:0',
    'udp:224.0.0.1:5000',
    `udp:127.0.0.1:${relay.control}`,
    'udp:host:1',
    'file',
  ]) {
    assert.equal(await relay.ask(`C call ${target} A B`), 'E65', target);
  }
  await relay.ask('D call A B');
  assert.equal(await relay.ask('G nsess_created nsess_destroyed'), '1 1');
});

test('-a records every call; no Call-ID leads out of the directory', async (t) => {
  const scope = openScope(t);
  const root = await temporaryDirectory(scope);
  const directory = join(root, 'recordings');
  mkdirSync(directory);
  const relay = await startRelay(scope, 20, '-a', '-P', '-r', directory);
  const { caller, callee } = await openParties(scope);
  await startSession(relay, caller, callee, '../../evil/call');
  await startSession(relay, caller, callee, '..');
  await relay.ask('C .. ../../copy A B');
  await relay.ask('X');
  await waitFor('two files', () => readdirSync(directory).length >= 2);
  assert.deepEqual(readdirSync(directory).sort(), ['..=A.pcap', '.._.._evil_call=A.pcap'].sort());
  assert.deepEqual(readdirSync(root), ['recordings']);
});

test('a full disk ends the recording, says so, and not the call', async (t) => {
  if (!peersPresent(t, 'root')) return;
  const scope = openScope(t);
  const directory = await temporaryDirectory(scope);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', directory]);
  scope.defer(() => {
    execFileSync('umount', ['-l', directory]);
  });
  const relay = await startRelay(scope, 20, '-r', directory);
  const { caller, callee } = await openParties(scope);
  const { forCaller, forCallee } = await startSession(relay, caller, callee);
  assert.equal(await relay.ask('R call A B'), '0');
  await converse({ party: caller, to: forCaller }, { party: callee, to: forCallee }, 60);
  await relay.program.waitForLine(/a recording ended early/);
  assert.equal(await relay.ask('N call A B'), 'E50', 'there is nothing to stop any more');
  await converse({ party: caller, to: forCaller }, { party: callee, to: forCallee }, PACKETS);
  assert.equal(await relay.ask('D call A B'), '0');
});
