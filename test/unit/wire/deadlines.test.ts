import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Deadlines } from '../../../src/wire/deadlines.ts';

test('the earliest deadline comes first, and a moved or cleared one is forgotten', () => {
  const deadlines = new Deadlines<string>();
  deadlines.set('a', 30);
  deadlines.set('b', 10);
  deadlines.set('c', 20);
  deadlines.set('b', 40);
  deadlines.clear('c');
  assert.equal(deadlines.nextAt(), 30);
  assert.equal(deadlines.takeDue(29), undefined);
  assert.equal(deadlines.takeDue(30), 'a');
  assert.equal(deadlines.takeDue(100), 'b');
  assert.equal(deadlines.takeDue(100), undefined);
  assert.equal(deadlines.nextAt(), Number.POSITIVE_INFINITY);
  assert.equal(deadlines.size, 0);
});

test('agrees with a plain map for any sequence of operations', () => {
  const operation = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), key: fc.nat(20), at: fc.nat(100) }),
    fc.record({ kind: fc.constant('clear' as const), key: fc.nat(20), at: fc.constant(0) }),
    fc.record({ kind: fc.constant('take' as const), key: fc.constant(0), at: fc.nat(100) }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
      const deadlines = new Deadlines<number>();
      const model = new Map<number, number>();
      for (const { kind, key, at } of operations) {
        if (kind === 'set') {
          deadlines.set(key, at);
          model.set(key, at);
        } else if (kind === 'clear') {
          deadlines.clear(key);
          model.delete(key);
        } else {
          const due = deadlines.takeDue(at);
          const earliest = Math.min(Number.POSITIVE_INFINITY, ...model.values());
          if (due === undefined) {
            assert.ok(earliest > at);
          } else {
            assert.equal(model.get(due), earliest);
            model.delete(due);
          }
        }
        assert.equal(deadlines.nextAt(), Math.min(Number.POSITIVE_INFINITY, ...model.values()));
        assert.equal(deadlines.size, model.size);
      }
    }),
  );
});
