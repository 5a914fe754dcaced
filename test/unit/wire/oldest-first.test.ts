import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OldestFirst } from '../../../src/wire/oldest-first.ts';

test('the oldest is the one that was set longest ago, and what is set again is the youngest', () => {
  const map = new OldestFirst<string, number>();
  assert.equal(map.oldest(), undefined);
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['c', 3],
    ['a', 4],
  ] as const) {
    map.set(key, value);
  }
  assert.deepEqual(
    [...map],
    [
      ['b', 2],
      ['c', 3],
      ['a', 4],
    ],
  );
  assert.deepEqual(map.oldest(), ['b', 2]);
  assert.equal(map.delete('b'), true);
  assert.equal(map.delete('b'), false);
  assert.deepEqual([map.oldest(), map.size, map.get('a'), map.has('b')], [['c', 3], 2, 4, false]);
  map.shrinkTo(1);
  assert.deepEqual([...map], [['a', 4]]);
  map.shrinkTo(0);
  assert.deepEqual([map.oldest(), map.size], [undefined, 0]);
});

test('as a Map that is kept in order by hand, over 20 000 random steps', () => {
  const map = new OldestFirst<number, number>();
  const model = new Map<number, number>();
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let step = 0; step < 20_000; step += 1) {
    const key = random(200);
    switch (random(4)) {
      case 0:
        assert.equal(map.delete(key), model.delete(key));
        break;
      case 1: {
        const oldest = map.oldest();
        assert.deepEqual(oldest, [...model][0]);
        if (oldest !== undefined) {
          map.delete(oldest[0]);
          model.delete(oldest[0]);
        }
        break;
      }
      default:
        map.set(key, step);
        model.delete(key);
        model.set(key, step);
    }
    assert.equal(map.size, model.size);
    assert.equal(map.get(key), model.get(key));
  }
  assert.deepEqual([...map], [...model]);
});

test('while it is walked over, what is deleted is not met, nor what is set', () => {
  const map = new OldestFirst<string, number>();
  map.set('a', 1);
  map.set('b', 2);
  map.set('c', 3);
  const met: string[] = [];
  for (const [key] of map) {
    met.push(key);
    map.delete('b');
    map.set(`after ${key}`, 0);
  }
  assert.deepEqual(met, ['a', 'c']);
});
