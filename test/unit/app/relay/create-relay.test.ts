/** The relay as a library: `createRelay`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRelay, type RelayConfig } from '../../../../src/app/relay/relay.ts';
import { ImsError } from '../../../../src/errors.ts';
import { bindUdpSocket } from '../../../../src/linux/bound-udp-socket.ts';
import type { Log } from '../../../../src/observe/log.ts';
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
  // A session that only tries the relay out is no call.
  assert.match(await askRelay(port, 'U imsl-hc-1-1 127.0.0.1 4000 A'), /^\d+ 127\.0\.0\.1$/);
  assert.deepEqual([relay.sessionCount, relay.callSessionCount], [2, 1]);
  assert.equal(await askRelay(port, 'D imsl-hc-1-1 A'), '0');
  assert.deepEqual([relay.sessionCount, relay.callSessionCount], [1, 1]);
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

/** A log that keeps its warnings. */
function collecting(warnings: unknown[]): Log {
  const log: Log = {
    error() {},
    warn: (fields, sentence) => void warnings.push({ ...fields, sentence }),
    info() {},
    debug() {},
    trace() {},
    child: () => log,
    isLevelEnabled: () => false,
  };
  return log;
}

/** A control socket as a supervisor hands it over. */
function inherited(address: string, port: number): number {
  const bound = bindUdpSocket({ address, port });
  assert.ok(bound.kind === 'bound', JSON.stringify(bound));
  return bound.socket.fd; // the relay's to close
}

test('no media goes to a control socket that was inherited, in either family, and its port is no media port', async (t) => {
  for (const address of ['127.0.0.1', '::1']) {
    const port = freePortRange(4);
    const family = address === '::1' ? 6 : 4;
    const warnings: unknown[] = [];
    const relay = await createRelay(
      config({
        control: [],
        controlFd: inherited(address, port),
        addresses: [{ family, address, advertised: undefined, label: undefined }],
        minPort: port,
        maxPort: port + 3,
        log: collecting(warnings),
      }),
    );
    t.after(() => relay.close());
    assert.deepEqual(relay.control, [`${family === 6 ? 'udp6' : 'udp'}:${address}:${port}`]);
    const ask = (command: string): Promise<string> => askRelay(port, command, 2000, address);
    const modifier = family === 6 ? 'U6' : 'U';
    assert.equal((await ask(`${modifier} c1 ${address} ${port} A`)).split(' ')[0], `${port + 2}`);
    assert.equal(warnings.length, 1, JSON.stringify(warnings));
    // The only other pair holds the control port.
    assert.equal(await ask(`${modifier} c2 ${address} 4000 A`), 'E72');
    await relay.close();
  }
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
