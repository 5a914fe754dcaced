/** The TLS certificate is renewed while the system runs: nobody is disconnected, and a bad one is said aloud. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { makeCertificate, type TestCertificate } from '../support/certificate.ts';
import { choosePlace, configure, startLauncher } from '../support/launcher.ts';
import { peersPresent } from '../support/peers.ts';
import { ask, pidsOf, ready } from '../support/reload.ts';
import { openScope, type Scope } from '../support/scope.ts';
import { waitFor } from '../support/wait.ts';

async function connectTo(scope: Scope, port: number): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  socket.on('error', () => {});
  scope.defer(() => void socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

test('a renewed certificate is taken: by reload, by SIGHUP and by itself; a bad one is not, and reload fails', async (t) => {
  if (!peersPresent(t, 'openssl')) return;
  const scope = openScope(t);
  const place = await choosePlace(scope);
  const paths = { certificate: join(place.directory, 'fullchain.pem'), key: join(place.directory, 'privkey.pem') };
  const pairs: TestCertificate[] = [];
  for (let count = 0; count < 4; count++) {
    pairs.push(await makeCertificate(scope, '127.0.0.1'));
  }
  const put = async (): Promise<void> => {
    const { certificate, key } = pairs.shift() as TestCertificate;
    await copyFile(certificate, paths.certificate);
    await copyFile(key, paths.key);
  };
  await put();
  // A number of the block that nobody else takes: media has it for UDP.
  const tlsPort = place.minPort;
  const ims = { tlsPort, tlsCertificate: paths.certificate, tlsKey: paths.key };
  await configure(place, { LOG_LEVEL: 'DEBUG', ims });
  const launcher = startLauncher(scope, place);
  const run = { scope, place, launcher };
  await ready(run);
  const pids = await pidsOf(run);
  const phone = await connectTo(scope, tlsPort);
  const shown = async (): Promise<string> => {
    const socket = await connectTo(scope, tlsPort);
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  const seen = [await shown()];
  const renewed = async (): Promise<void> => {
    await waitFor('the renewed certificate', async () => !seen.includes(await shown()), { timeoutMs: 30_000 });
    seen.push(await shown());
  };

  await put();
  // It may have been seen already: files are looked at every few seconds.
  const good = await ask(run, 'reload');
  assert.equal(good.code, 0, good.output);
  await renewed();

  await writeFile(paths.certificate, 'not a certificate');
  const bad = await ask(run, 'reload');
  assert.equal(bad.code, 1, bad.output);
  assert.match(bad.output, /TLS certificate: the one before stays, for .*cannot be used together/);
  await launcher.waitForLine(/the TLS certificate in the files cannot be used: the one before stays/);
  assert.equal(await shown(), seen.at(-1));

  await put();
  launcher.signal('SIGHUP');
  await renewed();

  await put();
  await renewed();

  phone.write('\r\n\r\n');
  assert.equal(String((await once(phone, 'data'))[0]), '\r\n', 'the first connection is still answered');
  assert.deepEqual(await pidsOf(run), pids);
});
