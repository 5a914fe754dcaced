import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectCalls } from '../../../../src/app/launch/calls.ts';
import type { StreamReport } from '../../../../src/relay/quality/report.ts';

const stream = (callId: string): StreamReport => ({ callId }) as StreamReport;
const name = { relayCallId: 'a~b', id: '1', caller: 'sip:1@x', callee: 'sip:2@x' };

test('names are found by what the relay calls the call, which may hold ~ itself', async () => {
  const streams = [stream('a~b~0'), stream('a~b'), stream('a'), stream('a~c~0')];
  const { calls } = await collectCalls(async (service) => (service === 'relay' ? { total: 9, streams } : [name]));
  assert.deepEqual(
    calls.map(({ names }) => names?.caller ?? null),
    ['sip:1@x', null, null, null],
  );
});

test('without an IMS of ours calls have no names; without a relay of ours there is an error', async () => {
  const foreignIms = await collectCalls(async (service) => {
    if (service === 'ims') {
      throw new Error('is not one that can be asked');
    }
    return { total: 1, streams: [stream('a~1')] };
  });
  assert.equal(foreignIms.calls[0]?.names, null);
  await assert.rejects(
    collectCalls(async () => {
      throw new Error('is not one that can be asked');
    }),
  );
});
