import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { KeptCalls } from '../../../../src/app/server/kept-calls.ts';
import type { CallSnapshot } from '../../../../src/sip/b2bua/call-snapshot.ts';
import type { Flow } from '../../../../src/sip/transaction/flow.ts';
import { silentLog } from '../../../support/logs.ts';
import { openScope, temporaryDirectory } from '../../../support/scope.ts';
import { udpFlow } from '../../sip/support.ts';

const CALLER = udpFlow({ address: '192.0.2.11', port: 5060 });

function snapshot(id: string): CallSnapshot {
  const dialog = {
    callId: `${id}@caller`,
    localTag: 'l',
    local: '<sip:1002@ims>',
    remote: '<sip:1001@ims>',
    remoteTag: 'r',
    remoteTarget: 'sip:1001@192.0.2.11',
    routeSet: [],
    flow: CALLER,
    symmetric: true,
    localCseq: 3,
    remoteCseq: 7,
  };
  return {
    id,
    account: '1001',
    invite: Buffer.from('INVITE sip:1002@ims SIP/2.0\r\n\r\n').toString('base64'),
    flow: CALLER,
    mediaAddress: '203.0.113.1',
    status: 200,
    invitedAt: performance.now() - 5000,
    answeredAt: performance.now() - 2000,
    dialogs: { caller: dialog, callee: dialog },
    media: {
      session: { callId: `${id}@caller`, instance: id, callerTag: 'r', calleeTag: 'l' },
      published: {
        caller: undefined,
        callee: {
          writer: 'callee',
          role: 'answer',
          streams: [{ index: 0, address: '192.0.2.21', family: 4, port: 4000, held: true }],
          held: true,
        },
      },
      ports: { caller: [10_000], callee: [10_002] },
    },
  };
}

function keep(dataDir: string, adopted: string[] = []): KeptCalls {
  return new KeptCalls({
    dataDir,
    transports: { flowTo: (remote): Flow => udpFlow(remote) },
    relay: { memberOf: () => 'second', adopt: ({ callId }, member) => void adopted.push(`${callId} ${member}`) },
    log: silentLog(),
  });
}

const event = (kind: 'answered' | 'ended', id: string) =>
  ({ kind, record: { id }, ...(kind === 'answered' && { snapshot: snapshot(id) }) }) as never;

test('a call that was answered and has not ended is there for the next process, and its relay as well', async (t) => {
  const dataDir = await temporaryDirectory(openScope(t));
  const first = keep(dataDir);
  first.handle(event('answered', 'a'));
  first.handle(event('answered', 'b'));
  first.handle(event('ended', 'a'));
  await first.close();

  const adopted: string[] = [];
  const second = keep(dataDir, adopted);
  const found: CallSnapshot[] = [];
  assert.deepEqual([...second.restore((each) => found.push(each) > 0)], ['b']);
  assert.deepEqual(adopted, ['b@caller second']);
  const [call] = found;
  assert.deepEqual(call?.dialogs.callee, snapshot('b').dialogs.callee);
  assert.deepEqual(call?.media.published, snapshot('b').media.published, 'also who holds');
  const age = performance.now() - (call?.answeredAt ?? 0);
  assert.ok(age > 1900 && age < 60_000, `answered ${age} ms ago`);
  await second.close();
});

test('what is no call is forgotten, and so is one that nobody can go on with', async (t) => {
  const dataDir = await temporaryDirectory(openScope(t));
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, 'calls.jsonl');
  const stored = { snapshot: snapshot('c'), clockShiftMs: 0 };
  const broken = [1, 'x', {}, { ...stored, clockShiftMs: 'no' }, { snapshot: { ...stored.snapshot, flow: 1 } }];
  const lines = [...broken, stored].map((value, index) => JSON.stringify({ key: `${index}`, value }));
  await writeFile(path, `${lines.join('\n')}\n{"key":"torn","va`);
  const kept = keep(dataDir);
  assert.equal(kept.restore(() => false).size, 0);
  await kept.close();
  const again = keep(dataDir);
  const seen: CallSnapshot[] = [];
  again.restore((each) => seen.push(each) > 0);
  assert.deepEqual(seen, [], await readFile(path, 'utf8'));
  await again.close();
});
