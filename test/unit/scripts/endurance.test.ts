/** The judgement of `npm run endurance`: it must be able to fail. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawEvent } from '../../../scripts/endurance/events.ts';
import { growthOf, type Sample } from '../../../scripts/endurance/growth.ts';
import { Random } from '../../../scripts/endurance/random.ts';

const QUIET: Sample = { descriptors: 30, threads: 11, zombies: 0, rssMib: 82, idleCpuMs: 6 };

function growth(change: Partial<Sample>): string[] {
  return growthOf([
    { afterEvents: 200, sample: QUIET },
    { afterEvents: 1000, sample: { ...QUIET, ...change } },
  ]);
}

test('a launcher that holds at the end what it held after the warm-up has not grown', () => {
  assert.deepEqual(growth({}), []);
  assert.deepEqual(growth({ descriptors: 31, rssMib: 89, idleCpuMs: 12 }), []);
});

test('each descriptor, thread, zombie and megabyte beyond the limit fails, and a timer that runs on', () => {
  for (const [change, word] of [
    [{ descriptors: 40 }, 'descriptors'],
    [{ threads: 12 }, 'threads'],
    [{ zombies: 1 }, 'zombies'],
    [{ rssMib: 120 }, 'memory'],
    [{ idleCpuMs: 200 }, 'CPU'],
  ] as const) {
    const failures = growth(change);
    assert.equal(failures.length, 1, word);
    assert.match(failures[0] ?? '', new RegExp(word));
  }
});

test('one sample alone proves nothing', () => {
  assert.throws(() => growthOf([{ afterEvents: 10, sample: QUIET }]));
});

test('a seed repeats its events, another one brings others', () => {
  const drawn = (seed: number): string[] => {
    const random = new Random(seed);
    return Array.from({ length: 50 }, () => drawEvent(random).name);
  };
  assert.deepEqual(drawn(1), drawn(1));
  assert.notDeepEqual(drawn(1), drawn(2));
});
