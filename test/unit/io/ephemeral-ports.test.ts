import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reservation } from '../../../src/io/ephemeral-ports.ts';

const EPHEMERAL = '32768\t60999\n';

function line(ports: string): string {
  return `sysctl -w net.ipv4.ip_local_reserved_ports=${ports}`;
}

test('ports that the system hands out are to be reserved, and what is reserved already stays so', () => {
  assert.equal(reservation([35_000, 65_000], EPHEMERAL, '\n'), line('35000-65000'));
  assert.equal(reservation([60_999, 61_100], EPHEMERAL, ''), line('60999-61100'));
  assert.equal(reservation([35_000, 36_000], EPHEMERAL, '8080,40000-40010\n'), line('8080,35000-36000,40000-40010'));
  assert.equal(reservation([35_000, 36_000], EPHEMERAL, '8080,35500-36001'), line('8080,35000-36001'));
  assert.equal(reservation([35_000, 36_000], EPHEMERAL, '34000-34999'), line('34000-36000'), 'neighbours become one');
});

test('no overlap, or all of it reserved: nothing to do', () => {
  assert.equal(reservation([10_000, 20_000], EPHEMERAL, ''), undefined);
  assert.equal(reservation([61_000, 65_000], EPHEMERAL, ''), undefined);
  assert.equal(reservation([35_000, 36_000], EPHEMERAL, '35000-36000'), undefined);
  assert.equal(reservation([35_000, 36_000], EPHEMERAL, '30000-35400,35401-40000'), undefined);
  assert.equal(
    reservation([20_000, 33_000], EPHEMERAL, '32768-33000'),
    undefined,
    'only the part that overlaps counts',
  );
});
