import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a nonce turned out to be. */
export type NonceVerdict =
  /** `sameSource`: who brings it back is who got it, as far as an address tells. */
  | { readonly kind: 'fresh'; readonly sequence: number; readonly sameSource: boolean }
  | { readonly kind: 'expired' }
  /** Not made by us, or before a restart. */
  | { readonly kind: 'unknown' };

/**
 * Nonces that need no memory (RFC 7616 3.3): the time of issue, a running number and a mark of the source, signed. The
 * number keeps two clients that are challenged in the same millisecond apart. The mark is no condition: a client may
 * answer from another address.
 */
export class NonceIssuer {
  readonly #secret: Uint8Array;
  readonly #realm: string;
  readonly #lifetimeMs: number;
  #sequence = 0;

  constructor(options: { readonly secret: Uint8Array; readonly realm: string; readonly lifetimeMs: number }) {
    this.#secret = options.secret;
    this.#realm = options.realm;
    this.#lifetimeMs = options.lifetimeMs;
  }

  issue(now: number, source = ''): string {
    this.#sequence++;
    const stamp = `${Math.floor(now).toString(36)}-${this.#sequence.toString(36)}-${this.#markOf(source)}`;
    return `${stamp}-${this.#sign(stamp)}`;
  }

  check(now: number, nonce: string, source = ''): NonceVerdict {
    const match = /^(([0-9a-z]{1,12})-([0-9a-z]{1,12})-([0-9a-f]{8}))-([0-9a-f]{32})$/.exec(nonce);
    const [, stamp = '', time = '', sequence = '', mark = '', signature = ''] = match ?? [];
    if (match === null || !timingSafeEqual(Buffer.from(signature), Buffer.from(this.#sign(stamp)))) {
      return { kind: 'unknown' };
    }
    return now - Number.parseInt(time, 36) > this.#lifetimeMs
      ? { kind: 'expired' }
      : { kind: 'fresh', sequence: Number.parseInt(sequence, 36), sameSource: mark === this.#markOf(source) };
  }

  #markOf(source: string): string {
    return createHmac('sha256', this.#secret).update(`source\n${source}`).digest('hex').slice(0, 8);
  }

  /** 128 bits of the MAC, hexadecimal. */
  #sign(stamp: string): string {
    const mac = createHmac('sha256', this.#secret).update(`${this.#realm}\n${stamp}`).digest();
    return mac.toString('hex', 0, 16);
  }
}
