import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as api from '../../src/index.ts';

test('the API runs a relay and proves its media without the command line', async (t) => {
  const relay = await api.createRelay({
    addresses: [{ family: 4, address: '127.0.0.1', advertised: undefined, label: undefined }],
    control: ['udp:127.0.0.1:0'],
    minPort: 47_000,
    maxPort: 47_099,
  });
  t.after(() => relay.close());
  const [control] = relay.control;
  assert.ok(control !== undefined);
  const client = await api.openRtppClient({ host: '127.0.0.1', port: Number(String(control).split(':').at(-1)) });
  t.after(() => client.close());
  const proof = await api.proveMedia({ ...api.QUICK_PROOF, client });
  assert.deepEqual([proof.ok, proof.findings], [true, []]);
  assert.equal(relay.sessionCount, 0);
});
