/** A text for somebody who is away: 202, and it is there when his phone registers, also after a crash of the server. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SipMessage, SipRequest } from '../../src/sip/message/message.ts';
import { peersPresent } from '../support/peers.ts';
import { freeUdpPort } from '../support/ports.ts';
import { openScope } from '../support/scope.ts';
import { SipPeer } from '../support/sip-peer.ts';
import { Sipp } from '../support/sipp.ts';
import { SippScript } from '../support/sipp-script.ts';
import { startSystem } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';

test('two texts for a user who is away: kept over kill -9 of the server, and delivered in order when he registers', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const system = await startSystem(scope, { config: { ims: { trustedPeers: ['127.0.0.1'] } } });
  const send = async (body: string): Promise<void> => {
    const sender = await Sipp.start(scope, {
      scenario: 'sender',
      script: SippScript.asks('MESSAGE', { type: 'text/plain', body }).gets(202),
      localPort: await freeUdpPort(),
      remotePort: system.sipPort,
      service: '1002',
      caller: '1001',
    });
    await sender.completes();
  };
  await send('the first');
  await send('the second');
  const kept = join(system.directory, 'data', 'messages.jsonl');
  await waitFor(
    'both on the disk',
    async () => (await readFile(kept, 'utf8').catch(() => '')).match(/"key"/g)?.length === 2,
  );
  const server = system.launcher.processes().find(({ command }) => command.includes('ims-server'));
  assert.ok(server, 'ims-launch has started ims-server');
  process.kill(server.pid, 'SIGKILL');
  await system.launcher.waitForLine(/messages of an earlier run wait/, 30_000);

  const phone = await SipPeer.open(scope, system.sipPort);
  await phone.register('1002');
  const texts: string[] = [];
  for (const [index, wanted] of ['the first', 'the second'].entries()) {
    const message = await waitFor(wanted, () => phone.received.find(isMessage));
    // sipp ends its bodies with a line.
    texts.push(Buffer.from(message.body).toString().trim());
    assert.match(message.headers.get('Date') ?? '', / GMT$/);
    assert.match(message.headers.get('From') ?? '', /sip:1001@/);
    phone.received.length = 0;
    phone.answer(message, 200);
    assert.equal(texts[index], wanted);
  }
  await waitFor('both delivered', () => system.launcher.output.match(/kept message delivered/g)?.length === 2);
  await system.stop();
});

function isMessage(message: SipMessage): message is SipRequest {
  return message.kind === 'request' && message.method === 'MESSAGE';
}
