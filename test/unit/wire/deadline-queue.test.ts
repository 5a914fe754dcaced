import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DeadlineQueue } from '../../../src/wire/deadline-queue.ts';

test('the earliest deadline is always known, whatever is scheduled, moved and removed', () => {
  const step = fc.record({ item: fc.nat(20), at: fc.oneof(fc.nat(1000), fc.constant(Number.POSITIVE_INFINITY)) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new DeadlineQueue<number>();
      const model = new Map<number, number>();
      for (const { item, at } of steps) {
        queue.schedule(item, at);
        if (at === Number.POSITIVE_INFINITY) {
          model.delete(item);
        } else {
          model.set(item, at);
        }
        assert.equal(queue.size, model.size);
        assert.equal(queue.next(), Math.min(Number.POSITIVE_INFINITY, ...model.values()));
      }
      const order: number[] = [];
      for (let item = queue.due(1000); item !== undefined; item = queue.due(1000)) {
        order.push(queue.next());
        queue.remove(item);
      }
      assert.deepEqual(
        order,
        [...model.values()].sort((a, b) => a - b),
      );
    }),
  );
});

test('nothing is due before its time', () => {
  const queue = new DeadlineQueue<string>();
  queue.schedule('a', 10);
  assert.equal(queue.due(9), undefined);
  assert.equal(queue.due(10), 'a');
});
