/** The relay as a library: `createRelay`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRelay, type RelayConfig } from '../../../../src/app/relay/relay.ts';
import { ImsError } from '../../../../src/errors.ts';
import { freePortRange } from '../../../support/ports.ts';
import { askRelay } from '../../../support/rtpp.ts';
import { boundUdpPorts } from '../../../support/survivors.ts';
import { waitFor } from '../../../support/wait.ts';

function config(more: Partial<RelayConfig> = {}): RelayConfig {
  const minPort = freePortRange(20);
  return {
    control: ['udp:127.0.0.1:0'],
    addresses: [{ family: 4, address: '127.0.0.1', advertised: undefined, label: undefined }],
    minPort,
    maxPort: minPort + 19,
    ...more,
  };
}

test('serves, drains and closes; close is idempotent and leaves no port', async (t) => {
  const relay = await createRelay(config());
  t.after(() => relay.close());
  const port = Number(relay.control[0]?.split(':').at(-1));
  assert.match(await askRelay(port, 'U call 127.0.0.1 4000 A'), /^\d+ 127\.0\.0\.1$/);
  assert.equal(relay.sessionCount, 1);
  assert.equal(relay.pairsInUse, 1);
  relay.drain();
  assert.equal(await askRelay(port, 'U other 127.0.0.1 4000 A'), 'E99');
  assert.equal(await askRelay(port, 'D call A'), '0');
  await relay.drained;
  await relay.close();
  await relay.close();
  const { minPort, maxPort } = relay.details;
  assert.deepEqual(
    [...boundUdpPorts()].filter((bound) => bound === port || (bound >= minPort && bound <= maxPort)),
    [],
  );
});

test('a start that fails half way leaves nothing open', async (t) => {
  const relay = await createRelay(config());
  t.after(() => relay.close());
  const taken = relay.control[0] ?? '';
  const openSockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap').length;
  const before = openSockets();
  await assert.rejects(createRelay(config({ control: ['udp:127.0.0.1:0', taken] })), (error) => {
    return error instanceof ImsError && error.code === 'IMS_ERR_PORT_IN_USE';
  });
  // A closed socket is gone one turn of the loop later.
  await waitFor('all sockets to be closed', () => openSockets() <= before);
});

test('a range without room for a pair is a usage error', async () => {
  await assert.rejects(createRelay(config({ minPort: 9, maxPort: 10 })), (error) => {
    return error instanceof ImsError && error.code === 'IMS_ERR_USAGE';
  });
});

test('a range whose only pair the control socket takes is a usage error, too', async () => {
  const port = freePortRange(2);
  const all = config({ control: [`udp:127.0.0.1:${port}`], minPort: port, maxPort: port + 1 });
  await assert.rejects(createRelay(all), (error) => {
    return (
      error instanceof ImsError && error.code === 'IMS_ERR_USAGE' && /the ports of -s leave no/.test(error.message)
    );
  });
});

test('a control address given twice, and media on a group address, are refused with a sentence', async () => {
  const control = ['udp:127.0.0.1:7', 'udp:127.0.0.1:7'];
  await assert.rejects(createRelay(config({ control })), /-s udp:127\.0\.0\.1:7 is given twice/);
  for (const address of ['224.0.0.1', '255.255.255.255']) {
    const addresses = [{ family: 4, address, advertised: undefined, label: undefined }] as const;
    await assert.rejects(createRelay(config({ addresses })), /is not an address that a socket can send from/);
  }
});

test('AUTO_DETECT finds an address that media can be bound to', async (t) => {
  const addresses = [{ family: 4, address: 'AUTO_DETECT', advertised: undefined, label: undefined }] as const;
  const relay = await createRelay(config({ addresses }));
  t.after(() => relay.close());
  const port = Number(relay.control[0]?.split(':').at(-1));
  assert.match(await askRelay(port, 'U call 127.0.0.1 4000 A'), new RegExp(`^\\d+ ${relay.details.bindAddress}$`));
});
