/** `npm run bench -- relay` in small: it measures our relay and rtpengine, and says who is not there. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RelayResults } from '../../scripts/bench/relay/results.ts';
import { peersPresent } from '../support/peers.ts';
import { runProgram } from '../support/program.ts';
import { projectRoot } from '../support/project.ts';
import { openScope, temporaryDirectory } from '../support/scope.ts';

test('bench relay: figures of each relay, on the screen and as data', async (t) => {
  if (!peersPresent(t, 'rtpengine')) {
    return;
  }
  const scope = openScope(t);
  const directory = await temporaryDirectory(scope);
  const json = join(directory, 'results.json');
  // A PATH on which rtpengine is and rtpproxy, even where it is installed, is not.
  await symlink(execFileSync('which', ['rtpengine'], { encoding: 'utf8' }).trim(), join(directory, 'rtpengine'));
  const { code, output } = await runProgram(scope, {
    name: 'bench',
    command: [
      process.execPath,
      join(projectRoot, 'build/scripts/bench/main.js'),
      'relay',
      ...['--calls', '4', '--seconds', '1', '--rounds', '1', '--no-ladder', '--json', json],
      ...['--only', 'portable,rtpengine,rtpproxy'],
    ],
    env: { PATH: directory },
  });
  assert.equal(code, 0, output);
  const { reports } = JSON.parse(await readFile(json, 'utf8')) as { reports: RelayResults[] };
  const [results] = reports;
  const names = results?.relays.map(({ name }) => name);
  assert.deepEqual(names, ['portable', 'rtpengine']);
  for (const { name, version, figures, odd } of results?.relays ?? []) {
    assert.match(output, new RegExp(`${name} ${version}`));
    assert.equal(odd.corrupt + odd.misdelivered + odd.wrongSource, 0, name);
    assert.ok(figures.lossPercent < 100 && figures.cpuUs > 0 && figures.p50Ms > 0, JSON.stringify(figures));
  }
  assert.match(output, /portable ÷ rtpengine/);
  assert.match(output, /LEFT OUT: rtpproxy: rtpproxy is not installed/);
});
