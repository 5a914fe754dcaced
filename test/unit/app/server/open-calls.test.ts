import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { OpenCalls } from '../../../../src/app/server/open-calls.ts';
import type { CallDetailRecord } from '../../../../src/store/call-detail-record.ts';
import { CdrWriter } from '../../../../src/store/cdr-writer.ts';
import { silentLog } from '../../../support/logs.ts';
import { openScope, temporaryDirectory } from '../../../support/scope.ts';

const parties = { caller: { uri: 'sip:1001@ims' }, callee: { uri: 'sip:1002@ims' } };
const times = { invitedAt: '2026-11-22T10:00:00.000Z', answeredAt: '2026-11-22T10:00:05.000Z' };

async function settled(dataDir: string): Promise<CallDetailRecord[]> {
  const records = new CdrWriter({ dataDir, log: silentLog() });
  const calls = new OpenCalls({ dataDir, log: silentLog(), wallClock: () => new Date(0), records });
  await calls.settle(new Set());
  await Promise.all([records.close(), calls.close()]);
  const directory = join(dataDir, 'cdr');
  const files = await readdir(directory).catch(() => []);
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));
  return texts.flatMap((text) => text.split('\n').filter(Boolean)).map((line) => JSON.parse(line));
}

test('after a kill: a call that had ended gets the record of its end, one that was up is closed; each once', async (t) => {
  const dataDir = await temporaryDirectory(openScope(t));
  const end = { endedAt: '2026-11-22T10:01:05.000Z', durationSeconds: 60, endedBy: 'callee', reason: 'bye', cause: 16 };
  const over = { event: 'call', id: 'over', callId: 'a', ...parties, ...times, ...end };
  const up = { event: 'call', id: 'up', callId: 'b', ...parties, ...times };
  await mkdir(dataDir, { recursive: true });
  const lines = [
    ['over', over],
    ['up', up],
    ['@alive', Date.parse('2026-11-22T10:02:00.000Z')],
  ].map(([key, value]) => `${JSON.stringify({ key, value })}\n`);
  await writeFile(join(dataDir, 'open-calls.jsonl'), lines.join(''));
  const [first, second, ...others] = await settled(dataDir);
  assert.deepEqual(first, over);
  assert.deepEqual([second?.id, second?.reason, second?.durationSeconds], ['up', 'server-lost', 115]);
  assert.equal(others.length, 0);
  assert.equal((await settled(dataDir)).length, 2, 'not again at the next start');
});
