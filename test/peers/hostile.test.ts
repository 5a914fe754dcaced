/** `npm run hostile` in small: strangers of every kind at the SIP port while calls run. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { peersPresent } from '../support/peers.ts';
import { runProgram } from '../support/program.ts';
import { projectRoot } from '../support/project.ts';
import { openScope } from '../support/scope.ts';

test('no call is lost, and no stranger gets in, while strangers of every kind are at the SIP port', async (t) => {
  if (!peersPresent(t, 'sipp', 'network namespaces')) return;
  const words = ['--seconds', '5', '--pps', '800', '--calls', '5', '--seed', '20261123'];
  const command = [process.execPath, join(projectRoot, 'build', 'scripts', 'hostile', 'main.js'), ...words] as const;
  const { code, output } = await runProgram(openScope(t), { name: 'hostile', command: [...command] }, 180_000);
  assert.equal(code, 0, output);
  assert.match(output, /^calls {7}8 of 8 answered/m);
  t.diagnostic(output);
});
