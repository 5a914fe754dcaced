/** Calls come and go through the shipped relay, seconds of what `npm run soak:relay` does for half an hour. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failuresOf, type SoakPlan, soak } from '../../scripts/bench/relay/soak.ts';
import { openScope } from '../support/scope.ts';

const PLAN: Omit<SoakPlan, 'plane'> = { calls: 20, lifeMs: 1500, seconds: 5, seed: 20261123, nice: null };

for (const plane of ['auto', 'portable'] as const) {
  test(`plane ${plane}: calls come and go, no packet of them is lost or changed, and nothing of them stays`, async (t) => {
    const plan = { ...PLAN, plane };
    const report = await soak(openScope(t), plan, (line) => t.diagnostic(line));
    assert.deepEqual(failuresOf(plan, report), []);
    assert.ok(report.measured.rtcp.received > 0, 'RTCP was sent, too');
  });
}
