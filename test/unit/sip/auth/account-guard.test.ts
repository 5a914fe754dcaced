import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AccountGuard } from '../../../../src/sip/auth/account-guard.ts';

const OPTIONS = { maxFailures: 3, windowMs: 1000, guardMs: 5000 };

test('so many wrong answers within the window shut an account for a while, but not to whom it has opened before', () => {
  const guard = new AccountGuard(OPTIONS);
  guard.succeeded('alice', '192.0.2.1');
  assert.equal(guard.failed(0, 'alice'), undefined);
  assert.equal(guard.failed(500, 'alice'), undefined);
  assert.deepEqual(guard.failed(900, 'alice'), { user: 'alice', failures: 3, until: 5900 });
  assert.equal(guard.failed(950, 'alice'), undefined, 'it is told once');
  assert.deepEqual(
    ['192.0.2.1', '192.0.2.2'].map((source) => guard.isShut(1000, 'alice', source)),
    [false, true],
  );
  assert.equal(guard.isShut(1000, 'bob', '192.0.2.2'), false);
  assert.equal(guard.isShut(5900, 'alice', '192.0.2.2'), false, 'it opens by itself');
});

test('wrong answers that lie further apart than the window do not add up', () => {
  const guard = new AccountGuard(OPTIONS);
  for (let at = 0; at < 10; at++) {
    assert.equal(guard.failed(at * 600, 'alice'), undefined);
  }
});

test('0: no account is ever shut', () => {
  const guard = new AccountGuard({ ...OPTIONS, maxFailures: 0 });
  for (let count = 0; count < 100; count++) {
    assert.equal(guard.failed(0, 'alice'), undefined);
  }
  assert.equal(guard.isShut(0, 'alice', '192.0.2.2'), false);
});

test('an account is opened by name, or all are', () => {
  const guard = new AccountGuard({ ...OPTIONS, maxFailures: 1 });
  guard.failed(0, 'alice');
  guard.failed(0, 'bob');
  assert.deepEqual(
    guard.list(1).map(({ user }) => user),
    ['alice', 'bob'],
  );
  assert.equal(guard.lift(1, 'nobody'), 0);
  assert.equal(guard.lift(1, 'alice'), 1);
  assert.equal(guard.lift(1), 1);
  assert.deepEqual(guard.list(1), []);
});

test('neither names nor sources make it grow without bound', () => {
  const guard = new AccountGuard({ ...OPTIONS, maxFailures: 1 });
  for (let count = 0; count < 12_000; count++) {
    guard.failed(0, `name ${count}`);
  }
  assert.equal(guard.list(1).length, 10_000);
  for (let count = 0; count < 100; count++) {
    guard.succeeded('alice', `source ${count}`);
  }
  guard.failed(0, 'alice');
  assert.deepEqual(
    ['source 99', 'source 84', 'source 83'].map((source) => guard.isShut(1, 'alice', source)),
    [false, false, true],
  );
});
