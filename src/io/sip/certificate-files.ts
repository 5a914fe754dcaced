/**
 * Certificate and key of the TLS ports, from their files: at the start, and again whenever those may hold others. Who
 * renews certificates (certbot, cert-manager) replaces files or links without telling anybody.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ImsError } from '../../errors.ts';
import type { CertificateLook } from '../../observe/ipc.ts';
import type { Log } from '../../observe/log.ts';

export interface CertificatePaths {
  /** PEM. Undefined: not configured, which is a mistake. */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

/** By reading, not by a watch of the system: links that are switched (certbot, Kubernetes) would not be seen. */
const LOOK_MS = 5000;

export class CertificateFiles {
  readonly #paths: CertificatePaths;
  readonly #log: Log | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #takers: ((certificate: SecureContextOptions) => void)[] = [];
  #pair: Pair;
  /** Why the files could not be used at the last look. */
  #complaint: string | undefined;
  #isLogged = false;

  /** @throws ImsError IMS_ERR_CONFIG_INVALID */
  constructor(paths: CertificatePaths, log?: Log, everyMs = LOOK_MS) {
    this.#paths = paths;
    this.#log = log;
    this.#pair = readPair(paths);
    this.#timer = setInterval(() => this.look(false), everyMs);
    this.#timer.unref();
  }

  get current(): SecureContextOptions {
    return optionsOf(this.#pair);
  }

  /** Is told of each certificate that takes the place of the one before. */
  onChange(taker: (certificate: SecureContextOptions) => void): void {
    this.#takers.push(taker);
  }

  /**
   * Takes what the files hold now, if it is another certificate and can be used; the one before stays otherwise.
   *
   * @param asked by an operator, who is told at once; else files that do not fit together may be about to
   */
  look(asked: boolean): CertificateLook {
    let pair: Pair;
    try {
      pair = readPair(this.#paths);
    } catch (error) {
      return this.#refuse((error as Error).message, asked);
    }
    this.#complaint = undefined;
    if (pair.certificate.equals(this.#pair.certificate) && pair.key.equals(this.#pair.key)) {
      return { kind: 'unchanged' };
    }
    this.#pair = pair;
    for (const take of this.#takers) {
      take(this.current);
    }
    const { validTo } = new X509Certificate(pair.certificate);
    this.#log?.info({ path: this.#paths.certificate, validTo }, 'another TLS certificate: new connections get it');
    return { kind: 'taken' };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #refuse(reason: string, asked: boolean): CertificateLook {
    const isNew = reason !== this.#complaint;
    this.#isLogged &&= !isNew;
    if (asked || (!isNew && !this.#isLogged)) {
      this.#isLogged = true;
      this.#log?.error({ reason }, 'the TLS certificate in the files cannot be used: the one before stays');
    }
    this.#complaint = reason;
    return { kind: 'refused', reason };
  }
}

interface Pair {
  readonly certificate: Buffer;
  readonly key: Buffer;
}

function optionsOf({ certificate, key }: Pair): SecureContextOptions {
  return { cert: certificate, key, minVersion: 'TLSv1.2' };
}

/** That they can be used together is tried. */
function readPair(paths: CertificatePaths): Pair {
  const certificate = readPem('ims.tlsCertificate', paths.certificate);
  const pair = { certificate, key: readPem('ims.tlsKey', paths.key) };
  try {
    createSecureContext(optionsOf(pair));
  } catch (cause) {
    const reason = `ims.tlsCertificate and ims.tlsKey cannot be used together: ${(cause as Error).message}`;
    throw new ImsError('IMS_ERR_CONFIG_INVALID', reason, { cause });
  }
  return pair;
}

function readPem(option: string, path: string | undefined): Buffer {
  if (path === undefined) {
    throw new ImsError('IMS_ERR_CONFIG_INVALID', `${option} is missing: ims.tlsPort and ims.wssPort need it`);
  }
  try {
    return readFileSync(path);
  } catch (cause) {
    const reason = `${option}: cannot read ${path}: ${(cause as Error).message}`;
    throw new ImsError('IMS_ERR_CONFIG_INVALID', reason, { cause });
  }
}
