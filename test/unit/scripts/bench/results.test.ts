/** From runs to the README's table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markdownTable, NO_LADDER, type RelayResults, summarise } from '../../../../scripts/bench/relay/results.ts';
import { cpuUsPerPacket, lossShare, offeredShare, type Run } from '../../../../scripts/bench/relay/run.ts';

const RUN: Run = {
  calls: 100,
  residentIdleBytes: 50 * 2 ** 20,
  residentLoadedBytes: 51 * 2 ** 20,
  seconds: 10,
  rtp: { sent: 99_000, received: 98_900 },
  rtcp: { sent: 1000, received: 1000 },
  receivedInTime: 80_000,
  tooLate: 50,
  odd: { duplicate: 0, reordered: 1, misdelivered: 0, wrongSource: 0, corrupt: 0, stale: 0, refused: 0 },
  delayUs: { p50: 100, p99: 2000, p999: 5000, max: 9000 },
  tasks: [
    { name: 'worker', cpuMs: 700 },
    { name: 'main', cpuMs: 100 },
    { name: 'idle', cpuMs: 1 },
  ],
  busyMs: 0,
  ksoftirqdMs: 0,
  generator: { cpuMs: 2000, latenessUs: { p50: 1, p99: 1, max: 1 }, drops: 0 },
};

function results(): RelayResults {
  const slower: Run = { ...RUN, delayUs: { ...RUN.delayUs, p99: 4000 }, receivedInTime: 40_000 };
  const limit = { limitCalls: 400, carried: 300, generatorLimited: false };
  return {
    date: '2026-11-23',
    machine: 'a machine',
    node: 'v20',
    loadBefore: 0.1,
    nice: null,
    calls: 100,
    seconds: 10,
    rounds: 3,
    relays: [
      summarise({ name: 'native', version: '0.1.0', ours: true }, [RUN, slower, RUN], NO_LADDER),
      summarise({ name: 'peer', version: '7', ours: false }, [slower, slower, RUN], limit),
    ],
    absent: [{ name: 'rtpproxy', reason: 'not installed' }],
  };
}

test('what came too late for a phone is lost, and CPU is counted for what was forwarded in time', () => {
  assert.equal(lossShare(RUN), (100 + 50) / 100_000);
  assert.equal(cpuUsPerPacket(RUN), 801_000 / 80_000);
});

test('what the generator did not manage to send was not offered', () => {
  assert.equal(offeredShare(RUN), 0.99);
});

test('a row has the medians of its rounds, all oddities, and the threads that took part', () => {
  const [native] = results().relays;
  assert.equal(native?.figures.p99Ms, 2);
  assert.equal(native?.figures.sessionKib, 10.24);
  assert.equal(native?.odd.reordered, 3);
  assert.deepEqual(
    native?.tasks.map(({ name }) => name),
    ['worker', 'main'],
  );
});

test('the table names machine and day, who is left out and why, and each of ours beside each of theirs', () => {
  const lines = markdownTable(results()).split('\n');
  const cells = (start: string): string[] => {
    const line = lines.find((text) => text.startsWith(`| ${start}`)) ?? assert.fail(`no row ${start}`);
    return line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, ''));
  };
  assert.match(lines.join('\n'), /a machine, Node v20, 2026-11-23/);
  assert.match(lines.join('\n'), /Left out: rtpproxy \(not installed\)/);
  assert.deepEqual(cells('native 0.1.0'), ['native 0.1.0', '0.150', '10.0', '0.10', '2.00', '5.00', '–', '10.2']);
  assert.deepEqual(cells('peer 7').slice(5), ['5.00', '400', '10.2']);
  assert.deepEqual(cells('native ÷ peer').slice(1, 5), ['× 1.00', '× 0.50', '× 1.00', '× 0.50']);
  assert.equal(cells('native ÷ peer')[6], '–', 'no ratio of a limit that was not looked for');
});
