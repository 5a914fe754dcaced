/** The judgement of `npm run soak:relay`: it must be able to fail. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Oddities } from '../../../../scripts/bench/relay/generator.ts';
import type { Measured } from '../../../../scripts/bench/relay/orders.ts';
import { failuresOf, type SoakPlan, type SoakReport } from '../../../../scripts/bench/relay/soak.ts';

const PLAN: SoakPlan = { plane: 'auto', calls: 300, lifeMs: 30_000, seconds: 1800, seed: 1, nice: null };
const NOTHING = { sessions: 0, udpPorts: 1, descriptors: 20 };
const SOUND: Oddities = {
  duplicate: 0,
  reordered: 0,
  misdelivered: 0,
  wrongSource: 0,
  corrupt: 0,
  stale: 0,
  refused: 0,
};
const counts = { sent: 1, received: 1 };
const MEASURED: Measured = {
  seconds: 1800,
  rtp: counts,
  rtcp: counts,
  receivedInTime: 2,
  tooLate: 0,
  odd: SOUND,
  delayUs: { p50: 1, p99: 1, p999: 1, max: 1 },
  tasks: [],
  busyMs: 0,
  ksoftirqdMs: 0,
  generator: { cpuMs: 1, latenessUs: { p50: 1, p99: 1, max: 1 }, drops: 0 },
};
const REPORT: SoakReport = {
  calls: 18_000,
  sent: 54_000_000,
  lost: 0,
  measured: MEASURED,
  before: NOTHING,
  after: NOTHING,
  resident: [80, 90, 95, 96, 97, 96, 95, 97, 96, 97].map((mib) => mib * 2 ** 20),
};

test('a soak in which everything arrived and nothing stayed has passed', () => {
  assert.deepEqual(failuresOf(PLAN, REPORT), []);
});

const FAILURES: readonly (readonly [RegExp, Partial<SoakReport>])[] = [
  [/1 of \d+ packets were lost/, { lost: 1 }],
  [/0 of 0 packets/, { sent: 0 }],
  [/only 12 calls/, { calls: 12 }],
  [/corrupt: 2/, { measured: { ...MEASURED, odd: { ...SOUND, corrupt: 2 } } }],
  [/sessions are left/, { after: { ...NOTHING, sessions: 1 } }],
  [/UDP ports: 1 before, 3 after/, { after: { ...NOTHING, udpPorts: 3 } }],
  [/descriptors: 20 before, 22 after/, { after: { ...NOTHING, descriptors: 22 } }],
  [/memory grew/, { resident: REPORT.resident.map((bytes, tenth) => bytes * (tenth >= 8 ? 1.06 : 1)) }],
];

for (const [sentence, change] of FAILURES) {
  test(`fails, and says ${sentence.source}`, () => {
    const failures = failuresOf(PLAN, { ...REPORT, ...change });
    assert.equal(failures.length, 1, failures.join('\n'));
    assert.match(failures[0] ?? '', sentence);
  });
}

test('says nothing of memory when it was short', () => {
  const resident = REPORT.resident.map((bytes, tenth) => bytes * (1 + tenth));
  assert.deepEqual(failuresOf({ ...PLAN, seconds: 10 }, { ...REPORT, resident }), []);
});
