import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PortTable, pairPorts, QUARANTINE_MS } from '../../../src/relay/port-table.ts';

const first = (): number => 0;

function take(table: PortTable, now: number): number | undefined {
  for (const port of table.candidates(now)) {
    table.claim(port);
    return port;
  }
  return undefined;
}

test('pairs begin at even ports and fit whole into the range', () => {
  const pairs = (minPort: number, maxPort: number): number[] => pairPorts({ minPort, maxPort, reserved: [] });
  assert.deepEqual(pairs(10, 13), [10, 12]);
  assert.deepEqual(pairs(9, 12), [10]);
  assert.deepEqual(pairs(10, 11), [10]);
  assert.deepEqual(pairs(10, 10), []);
  assert.deepEqual(pairs(9, 9), []);
  assert.deepEqual(pairPorts({ minPort: 10, maxPort: 15, reserved: [13] }), [10, 14]);
});

test('ascending ports go round and never come back to the one used last', () => {
  const table = new PortTable({ minPort: 10, maxPort: 13, sequential: true, reserved: [] }, first);
  assert.equal(take(table, 0), 10);
  assert.equal(take(table, 0), 12);
  table.release(0, 12);
  assert.equal(take(table, 0), undefined);
  table.release(0, 10);
  assert.equal(take(table, 0), 10);
});

test('a released pair rests while another is free', () => {
  const table = new PortTable({ minPort: 10, maxPort: 15, sequential: false, reserved: [] }, first);
  const used = take(table, 0) as number;
  table.release(0, used);
  const next = [take(table, 1), take(table, 1)];
  assert.ok(!next.includes(used), `${used} came back at once`);
  assert.equal(take(table, 1), used, 'with no other left the rest ends early');
});

test('after its rest a pair is as good as any other', () => {
  const table = new PortTable({ minPort: 10, maxPort: 13, sequential: false, reserved: [] }, (below) => below - 1);
  const used = take(table, 0) as number;
  table.release(0, used);
  assert.equal(take(table, QUARANTINE_MS), used);
});

test('a search that is broken off loses no pair, and the next one begins beyond it', () => {
  for (const sequential of [true, false]) {
    const table = new PortTable({ minPort: 10, maxPort: 19, sequential, reserved: [] }, first);
    const tried: number[] = [];
    for (const port of table.candidates(0)) {
      if (tried.push(port) === 2) {
        break;
      }
    }
    const next = take(table, 1) as number;
    assert.ok(!tried.includes(next), `${next} was tried a moment ago`);
    const rest = [...table.candidates(1)];
    assert.equal(new Set([...rest, next, ...(sequential ? tried : [])]).size, 5);
  }
});

test('a search ends when every pair was tried, and tries each once', () => {
  const table = new PortTable({ minPort: 10, maxPort: 19, sequential: false, reserved: [] }, first);
  const tried = [...table.candidates(0)];
  assert.deepEqual([...tried].sort(), [10, 12, 14, 16, 18]);
  assert.equal(table.pairsInUse, 0);
  assert.equal([...table.candidates(0)].length, 5, 'nothing is lost by trying');
});
