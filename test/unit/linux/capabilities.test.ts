import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { usesMapsUnasked } from '../../../src/linux/capabilities.ts';
import { peersPresent } from '../../support/peers.ts';
import { projectRoot } from '../../support/project.ts';

test('since Linux 5.19 the use of a map takes no capability', () => {
  const versions = ['5.10.0-28-amd64', '5.18.19', '5.19.0', '6.1', '6.18.44-fc', 'nonsense'];
  assert.deepEqual(versions.map(usesMapsUnasked), [false, false, true, true, true, false]);
});

test('a thread keeps what it names and nothing else, and other threads all they had', (t) => {
  if (!peersPresent(t, 'root')) return;
  const fixture = join(projectRoot, 'build/test/fixtures/kept-capabilities.js');
  const { before, other, after } = JSON.parse(execFileSync(process.execPath, [fixture], { encoding: 'utf8' })) as {
    before: string[];
    other: { kept: boolean; sets: string[] };
    after: string[];
  };
  // CAP_NET_BIND_SERVICE and CAP_BPF: one in each word.
  const both = (1n << 10n) | (1n << 39n);
  const left = (BigInt(`0x${before[1]}`) & both).toString(16).padStart(16, '0');
  assert.notEqual(left, '0'.repeat(16));
  assert.deepEqual(other, { kept: true, sets: ['0'.repeat(16), left, left] });
  assert.deepEqual(after, before);
});
