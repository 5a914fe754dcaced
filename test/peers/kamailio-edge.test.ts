/** Kamailio between the phones and ims-server, as a proxy at the edge: what it puts into Path leads back through it. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pingSipOptions } from '../../src/io/sip/options-ping.ts';
import { peersPresent } from '../support/peers.ts';
import { freeUdpPort } from '../support/ports.ts';
import { Program } from '../support/program.ts';
import { projectRoot } from '../support/project.ts';
import { openScope, type Scope, temporaryDirectory } from '../support/scope.ts';
import { headerOf } from '../support/sip-log.ts';
import { startSystem } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';
import { placeCall, talkBothWays } from './calls.ts';

/** Port of a Kamailio that passes everything on to the server; resolves when it answers. */
async function startEdge(scope: Scope, sipPort: number): Promise<number> {
  const directory = await temporaryDirectory(scope);
  const edgePort = await freeUdpPort();
  const source = await readFile(join(projectRoot, 'test', 'peers', 'kamailio', 'edge.cfg'), 'utf8');
  const path = join(directory, 'edge.cfg');
  await writeFile(path, source.replaceAll('@edgePort@', String(edgePort)).replaceAll('@sipPort@', String(sipPort)));
  const program = Program.start(scope, {
    name: 'kamailio',
    command: ['kamailio', '-DD', '-E', '-f', path, '-Y', directory, '-m', '32', '-M', '8'],
    cwd: directory,
  });
  await waitFor('Kamailio at the edge', async () => {
    assert.ok(program.running, program.output);
    return (await pingSipOptions({ address: '127.0.0.1', port: edgePort }, 500)) === 'answered';
  });
  return edgePort;
}

test('phones behind a proxy register, are called through it, and hang up through it', async (t) => {
  if (!peersPresent(t, 'sipp', 'kamailio')) return;
  const scope = openScope(t);
  const system = await startSystem(scope);
  const sipPort = await startEdge(scope, system.sipPort);
  const call = await placeCall(scope, { sipPort }, { caller: 'caller-waits', callee: 'callee-hangs-up' });
  await talkBothWays(call);
  const invite = await call.callee.received(/^INVITE/);
  assert.match(headerOf(invite, 'Via') ?? '', new RegExp(`127\\.0\\.0\\.1:${sipPort}\\b`), 'it came from the proxy');
  assert.equal(headerOf(invite, 'Route'), undefined, 'which took out its own Route');
  await call.callee.proceed();
  await call.callee.completes();
  await call.caller.completes();
  await system.expectNoSessions();
  assert.equal((await system.cdr()).endedBy, 'callee');
  await system.stop();
});
