import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { ImsError } from '../../../../src/errors.ts';
import { randomIds } from '../../../../src/io/random-ids.ts';
import { CertificateFiles } from '../../../../src/io/sip/certificate-files.ts';
import { openSipStreamTransport } from '../../../../src/io/sip/stream-transport.ts';
import type { SipTransport } from '../../../../src/io/sip/transport.ts';
import { openSipWebSocketTransport } from '../../../../src/io/sip/web-socket-transport.ts';
import type { Log } from '../../../../src/observe/log.ts';
import { makeCertificate, type TestCertificate } from '../../../support/certificate.ts';
import { peersPresent } from '../../../support/peers.ts';
import { openScope, temporaryDirectory } from '../../../support/scope.ts';
import { waitFor } from '../../../support/wait.ts';

const NEVER_MS = 2 ** 31 - 1;

/** The files that are looked at, two pairs to put there, and what was logged. */
async function prepare(t: TestContext) {
  const scope = openScope(t);
  const directory = await temporaryDirectory(scope);
  const paths = { certificate: join(directory, 'fullchain.pem'), key: join(directory, 'privkey.pem') };
  const [first, second] = [await makeCertificate(scope, '127.0.0.1'), await makeCertificate(scope, '127.0.0.1')];
  const put = async ({ certificate, key }: TestCertificate): Promise<void> => {
    await copyFile(certificate, paths.certificate);
    await copyFile(key, paths.key);
  };
  await put(first);
  const lines: string[] = [];
  const note = (level: string) => (_: object, sentence: string) => void lines.push(`${level}: ${sentence}`);
  const log = { info: note('info'), error: note('error') } as unknown as Log;
  const open = (everyMs = NEVER_MS): CertificateFiles => {
    const files = new CertificateFiles(paths, log, everyMs);
    t.after(() => files.close());
    return files;
  };
  return { directory, paths, first, second, put, lines, open };
}

async function connectTo(t: TestContext, { local }: SipTransport): Promise<TLSSocket> {
  const socket = connect({ host: local.address, port: local.port, rejectUnauthorized: false });
  t.after(() => void socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

test('another certificate is for new connections, over TLS and WebSocket; those that are there go on', async (t) => {
  if (!peersPresent(t, 'openssl')) return;
  const { open, put, second } = await prepare(t);
  const files = open();
  const common = { host: '127.0.0.1', port: 0, ids: randomIds(), maxConnections: 10, tls: files.current } as const;
  const transports = [
    await openSipStreamTransport({ ...common, kind: 'tls' }),
    await openSipWebSocketTransport({ ...common, kind: 'wss', origins: { origins: [], names: () => [] } }),
  ];
  for (const transport of transports) {
    t.after(() => transport.close());
    files.onChange((certificate) => transport.useCertificate(certificate));
  }
  const before = await Promise.all(transports.map((transport) => connectTo(t, transport)));
  assert.deepEqual(files.look(true), { kind: 'unchanged' });
  await put(second);
  assert.deepEqual(files.look(true), { kind: 'taken' });
  const after = await Promise.all(transports.map((transport) => connectTo(t, transport)));
  for (const [index, socket] of after.entries()) {
    assert.notEqual(socket.getPeerCertificate().fingerprint256, before[index]?.getPeerCertificate().fingerprint256);
  }
  before[0]?.write('\r\n\r\n');
  assert.equal(String((await once(before[0] as TLSSocket, 'data'))[0]), '\r\n', 'an answer to the ping of an old one');
});

test('what cannot be used is refused, and logged once; while files are being replaced nobody is told', async (t) => {
  if (!peersPresent(t, 'openssl')) return;
  const { open, paths, first, second, lines } = await prepare(t);
  const files = open();
  const given: unknown[] = [];
  files.onChange((certificate) => given.push(certificate.cert));
  await copyFile(second.certificate, paths.certificate);
  assert.equal(files.look(false).kind, 'refused', 'the key is still that of the first one');
  assert.deepEqual(lines, []);
  await copyFile(second.key, paths.key);
  assert.equal(files.look(false).kind, 'taken');
  await writeFile(paths.certificate, 'no certificate');
  for (let look = 0; look < 4; look++) {
    assert.equal(files.look(false).kind, 'refused');
  }
  assert.deepEqual(lines, [
    'info: another TLS certificate: new connections get it',
    'error: the TLS certificate in the files cannot be used: the one before stays',
  ]);
  assert.equal(files.look(true).kind, 'refused');
  assert.equal(lines.length, 3, 'an operator who asks is told again');
  assert.deepEqual(given, [await readFile(second.certificate)]);
  await copyFile(first.certificate, paths.certificate);
  await copyFile(first.key, paths.key);
  assert.equal(files.look(false).kind, 'taken');
});

test('a link that is switched, as certbot does it, is seen without being asked', async (t) => {
  if (!peersPresent(t, 'openssl')) return;
  const { open, directory, paths, second } = await prepare(t);
  const files = open(10);
  let taken: unknown;
  files.onChange(({ cert }) => {
    taken = cert;
  });
  for (const [name, target] of [
    ['key', second.key],
    ['certificate', second.certificate],
  ] as const) {
    await symlink(target, join(directory, 'next'));
    await rename(join(directory, 'next'), paths[name]);
  }
  const expected = await readFile(second.certificate);
  await waitFor('the second certificate', () => Buffer.isBuffer(taken) && taken.equals(expected));
});

test('at the start there is none before: an error that names the option', async (t) => {
  if (!peersPresent(t, 'openssl')) return;
  const { paths, second } = await prepare(t);
  const refused = (given: Partial<typeof paths>, reason: RegExp): void => {
    assert.throws(
      () => new CertificateFiles({ certificate: undefined, key: undefined, ...given }),
      (error) => error instanceof ImsError && error.code === 'IMS_ERR_CONFIG_INVALID' && reason.test(error.message),
    );
  };
  refused({}, /ims\.tlsCertificate is missing/);
  refused({ ...paths, key: '/nowhere/key.pem' }, /ims\.tlsKey: cannot read \/nowhere\/key\.pem/);
  refused({ ...paths, key: second.key }, /cannot be used together/);
});
