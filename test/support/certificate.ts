/** A certificate of the test's own, made by openssl. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Scope, temporaryDirectory } from './scope.ts';

export interface TestCertificate {
  /** PEM file: signed by itself, so that it is its own authority. */
  readonly certificate: string;
  readonly key: string;
}

/** @param address IP address of the server that it is for */
export async function makeCertificate(scope: Scope, address: string): Promise<TestCertificate> {
  const directory = await temporaryDirectory(scope);
  const certificate = join(directory, 'certificate.pem');
  const key = join(directory, 'key.pem');
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', `/CN=${address}`, '-addext', `subjectAltName=IP:${address}`];
  execFileSync('openssl', ['req', '-x509', ...options, ...subject, '-keyout', key, '-out', certificate], {
    stdio: 'pipe',
  });
  return { certificate, key };
}
