/** The bench of what watching costs: its relay without quality is still one, and its figures become the README's table. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type ObserveResults, observeMarkdown } from '../../../../scripts/bench/observe/results.ts';
import { relayWithoutQuality } from '../../../../scripts/bench/observe/without-quality.ts';
import { openScope } from '../../../support/scope.ts';

test('the calls that are cut are where the bench looks for them, each of them once', async (t) => {
  const program = await relayWithoutQuality(openScope(t));
  const source = join(dirname(program), '..');
  assert.doesNotMatch(await readFile(join(source, 'relay', 'engine.js'), 'utf8'), /media\.look\(/);
  assert.doesNotMatch(await readFile(join(source, 'relay', 'media', 'path.js'), 'utf8'), /analysis\.add\(/);
});

test('the table shows each figure beside what was wanted', () => {
  const delays = { p50: 2500, max: 2990, n: 20 };
  const results: ObserveResults = {
    date: '2026-11-23',
    machine: 'a machine',
    node: 'v20',
    loadBefore: 0.1,
    calls: 500,
    seconds: 10,
    rounds: 3,
    quality: { withUs: 10.3, withoutUs: 10, ratio: 1.03 },
    dashboard: { percent: 0.517, perRound: [0.5, 0.517, 0.6] },
    mute: delays,
    neverHeard: delays,
  };
  const text = observeMarkdown(results);
  assert.match(text, /\| × 1\.030 \(10\.30 and 10\.00 µs\) \| ≤ 1\.05 \|/);
  assert.match(text, /\| 0\.52 % of a core \| ≤ 2 % \|/);
  assert.match(text, /\| p50 2\.50 s, max 2\.99 s, n 20 \| ≤ 3 s \|/);
});
