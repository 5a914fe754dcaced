import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BanList } from '../../../../src/sip/auth/ban-list.ts';

const OPTIONS = { maxFailures: 3, windowMs: 60_000, banMs: 900_000 };
const ATTACKER = '198.51.100.7';

function fail(bans: BanList, times: number, now = 0, address = ATTACKER) {
  return Array.from({ length: times }, () => bans.failed(now, address)).filter((ban) => ban !== undefined);
}

test('the last of so many wrong answers is the ban, and it ends by itself', () => {
  const bans = new BanList(OPTIONS);
  assert.deepEqual(fail(bans, 2), []);
  assert.equal(bans.isBanned(0, ATTACKER), false);
  assert.deepEqual(fail(bans, 1, 5), [{ source: ATTACKER, failures: 3, until: 900_005 }]);
  assert.deepEqual(fail(bans, 5, 6), [], 'one ban is told once');
  assert.equal(bans.isBanned(900_004, ATTACKER), true);
  assert.equal(bans.isBanned(900_005, ATTACKER), false);
  assert.equal(bans.isBanned(6, '198.51.100.8'), false);
});

test('what lies before the window does not count', () => {
  const bans = new BanList(OPTIONS);
  fail(bans, 2, 0);
  assert.deepEqual(fail(bans, 2, 60_001), []);
  assert.equal(fail(bans, 1, 60_002).length, 1);
});

test('a right answer forgets the wrong ones, but ends no ban', () => {
  const bans = new BanList(OPTIONS);
  fail(bans, 2);
  bans.succeeded(0, ATTACKER);
  assert.deepEqual(fail(bans, 2), []);
  fail(bans, 1);
  bans.succeeded(1, ATTACKER);
  assert.equal(bans.isBanned(1, ATTACKER), true);
});

test('0 bans nobody', () => {
  const bans = new BanList({ ...OPTIONS, maxFailures: 0 });
  assert.deepEqual(fail(bans, 100), []);
});

test('an IPv6 source is its /64', () => {
  const bans = new BanList(OPTIONS);
  bans.failed(0, '2001:db8:0:1::1');
  bans.failed(0, '2001:db8:0:1:ffff::2');
  assert.equal(bans.failed(0, '2001:db8:0:1::3')?.source, '2001:db8:0:1::/64');
  assert.equal(bans.isBanned(1, '2001:db8:0:1:abcd::9'), true);
  assert.equal(bans.isBanned(1, '2001:db8:0:2::1'), false);
  assert.equal(bans.lift(1, '2001:db8:0:1::/64'), 1);
  assert.equal(bans.isBanned(1, '2001:db8:0:1::1'), false);
});

test('bans are listed and lifted, one or all', () => {
  const bans = new BanList(OPTIONS);
  fail(bans, 3, 0, '198.51.100.1');
  fail(bans, 3, 0, '198.51.100.2');
  fail(bans, 3, 0, '198.51.100.3');
  fail(bans, 1, 0, '198.51.100.4');
  assert.equal(bans.lift(1, '198.51.100.9'), 0);
  assert.equal(bans.lift(1, '198.51.100.1'), 1);
  assert.deepEqual(
    bans.list(1).map(({ source }) => source),
    ['198.51.100.2', '198.51.100.3'],
  );
  assert.equal(bans.lift(1), 2);
  assert.deepEqual(bans.list(1), []);
});

test('any number of sources takes room for ten thousand', () => {
  const bans = new BanList({ ...OPTIONS, maxFailures: 1 });
  for (let source = 0; source < 20_000; source++) {
    bans.failed(0, `10.${source >> 16}.${(source >> 8) & 255}.${source & 255}`);
  }
  assert.equal(bans.list(1).length, 10_000);
});
