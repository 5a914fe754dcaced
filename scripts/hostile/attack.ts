/** What strangers send to a SIP port. The same seed gives the same datagrams. */
import { generator } from '../../test/support/seeded.ts';

/** Kinds and how often they come, of a hundred. */
export const SHARES = {
  /** Bytes without sense, of any length. */
  garbage: 45,
  /** A real message with some bytes changed. */
  mutated: 20,
  /** Extensions and passwords tried by a scanner. */
  scan: 15,
  /** BYE, CANCEL and re-INVITE of calls that are up: Call-ID and caller's tag are right, the rest is guessed. */
  forged: 10,
  /** A REGISTER that was overheard, with its digest, for a Contact of the stranger's. */
  replayed: 5,
  /** Headers without end, fields by the hundred, datagrams of 60 KiB. */
  oversize: 5,
} as const;

export type Attack = keyof typeof SHARES;

export const ATTACKS = Object.keys(SHARES) as Attack[];

export interface Target {
  /** Of ims-server. */
  readonly address: string;
  readonly port: number;
  /** Call-ID and From tag of the nth call that is up. */
  readonly callOf: (call: number) => { readonly callId: string; readonly fromTag: string };
  readonly calls: number;
  readonly caller: string;
  readonly callee: string;
  /** The REGISTER that was overheard. */
  readonly overheard: string;
}

export class Attacker {
  readonly #target: Target;
  readonly #below: (below: number) => number;
  /** Kinds as often as their shares. */
  readonly #kinds = ATTACKS.flatMap((kind) => Array.from({ length: SHARES[kind] }, () => kind));
  #count = 0;

  constructor(target: Target, seed: number) {
    this.#target = target;
    this.#below = generator(seed);
  }

  /** The next datagram. @param from address and port that it leaves from, as a Via names them */
  next(from: string): { readonly kind: Attack; readonly bytes: Buffer } {
    this.#count += 1;
    const kind = this.#kinds[this.#below(this.#kinds.length)] ?? 'garbage';
    return { kind, bytes: this.#make(kind, from) };
  }

  #make(kind: Attack, from: string): Buffer {
    switch (kind) {
      case 'garbage':
        return Buffer.from(Array.from({ length: this.#below(400) }, () => this.#below(256)));
      case 'mutated':
        return this.#mutated(from);
      case 'scan':
        return this.#scan(from);
      case 'forged':
        return this.#forged(from);
      case 'replayed':
        return this.#replayed(from);
      case 'oversize':
        return this.#oversize(from);
      default:
        return kind satisfies never;
    }
  }

  #mutated(from: string): Buffer {
    const bytes = this.#request('INVITE', `sip:${this.#target.callee}`, from);
    for (let change = this.#below(12); change >= 0; change -= 1) {
      bytes[this.#below(bytes.length)] = this.#below(256);
    }
    return this.#below(4) === 0 ? bytes.subarray(0, this.#below(bytes.length)) : bytes;
  }

  #scan(from: string): Buffer {
    const extension = `${100 + this.#below(9900)}`;
    const method = ['OPTIONS', 'REGISTER', 'INVITE', 'SUBSCRIBE'][this.#below(4)] ?? 'OPTIONS';
    const guess = this.#below(2) === 0 ? [] : [`Authorization: ${this.#guess(extension)}`];
    return this.#request(method, `sip:${extension}`, from, [...guess, 'User-Agent: friendly-scanner']);
  }

  #guess(user: string): string {
    const { address } = this.#target;
    const hex = (digits: number) => Array.from({ length: digits }, () => this.#below(16).toString(16)).join('');
    return `Digest username="${user}", realm="${address}", nonce="${hex(32)}", uri="sip:${address}", response="${hex(32)}"`;
  }

  #forged(from: string): Buffer {
    const { calls, callOf, callee } = this.#target;
    const { callId, fromTag } = callOf(1 + this.#below(Math.max(1, calls)));
    const method = ['BYE', 'BYE', 'CANCEL', 'INVITE', 'ACK', 'INFO'][this.#below(6)] ?? 'BYE';
    const tag = this.#below(2) === 0 ? '' : `;tag=${this.#below(1 << 30).toString(16)}`;
    return this.#message(method, `sip:${callee}`, from, { callId, fromTag, to: `<sip:${callee}>${tag}` }, []);
  }

  #replayed(from: string): Buffer {
    const { overheard } = this.#target;
    const fresh =
      this.#below(2) === 0 ? overheard : overheard.replace(/branch=[^;\r]+/, `branch=z9hG4bK${this.#count}r`);
    return Buffer.from(fresh.replace(/^Contact: .*$/m, `Contact: <sip:thief@${from}>`));
  }

  #oversize(from: string): Buffer {
    const long = 'x'.repeat(1000 + this.#below(50_000));
    const headers = [
      () => [`Subject: ${long}`],
      () => Array.from({ length: 50 + this.#below(400) }, (_, index) => `X-${index}: ${index}`),
      () => Array.from({ length: 80 }, (_, index) => `Via: SIP/2.0/UDP 192.0.2.${index}:5060;branch=z9hG4bKv${index}`),
      () => [`Route: ${Array.from({ length: 500 }, () => `<sip:${from};lr>`).join(', ')}`],
      () => ['Content-Type: application/sdp', `Content-Length: ${this.#below(2 ** 31)}`],
    ];
    return this.#request('INVITE', 'sip:1002', from, headers[this.#below(headers.length)]?.() ?? []);
  }

  #request(method: string, uri: string, from: string, headers: readonly string[] = []): Buffer {
    const callId = `${this.#count}-${this.#below(1 << 30)}@${from}`;
    const fromTag = this.#below(1 << 30).toString(36);
    return this.#message(method, uri, from, { callId, fromTag, to: `<${uri}@${this.#target.address}>` }, headers);
  }

  #message(
    method: string,
    uri: string,
    from: string,
    dialog: { readonly callId: string; readonly fromTag: string; readonly to: string },
    headers: readonly string[],
  ): Buffer {
    const { address, port, caller } = this.#target;
    const lines = [
      `${method} ${uri}@${address}:${port} SIP/2.0`,
      `Via: SIP/2.0/UDP ${from};branch=z9hG4bK${this.#count}-${this.#below(1 << 30)};rport`,
      'Max-Forwards: 70',
      `From: <sip:${caller}@${address}>;tag=${dialog.fromTag}`,
      `To: ${dialog.to}`,
      `Call-ID: ${dialog.callId}`,
      `CSeq: ${2 + this.#below(100)} ${method}`,
      `Contact: <sip:${caller}@${from}>`,
      ...headers,
    ];
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
  }
}
