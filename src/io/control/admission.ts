/** Who may send commands: this host by its loopback addresses always, other hosts when the operator names them. */
import { isLoopback } from '../../wire/ip-address.ts';
import { type IpPrefix, parseIpPrefix, prefixIncludes } from '../../wire/ip-prefix.ts';
import { err, ok, type Result } from '../../wire/result.ts';

export const EVERYBODY = 'any';

/** Of one relay; a command costs a comparison with each. */
const MAX_ENTRIES = 256;

export class ControlAdmission {
  readonly #everybody: boolean;
  readonly #prefixes: readonly IpPrefix[];

  private constructor(everybody: boolean, prefixes: readonly IpPrefix[]) {
    this.#everybody = everybody;
    this.#prefixes = prefixes;
  }

  /** Each text: addresses and prefixes with commas between them, or `any`. Errors are sentences. */
  static parse(texts: readonly string[]): Result<ControlAdmission, string> {
    const entries = texts.flatMap((text) => text.split(','));
    if (entries.length > MAX_ENTRIES) {
      return err(`--control-from names ${entries.length} addresses; ${MAX_ENTRIES} are the most`);
    }
    const prefixes: IpPrefix[] = [];
    for (const entry of entries) {
      const prefix = parseIpPrefix(entry);
      if (prefix !== undefined) {
        prefixes.push(prefix);
      } else if (entry !== EVERYBODY) {
        return err(`--control-from ${entry}: write an address, a prefix such as 10.0.0.0/8, or ${EVERYBODY}`);
      }
    }
    return ok(new ControlAdmission(entries.includes(EVERYBODY), prefixes));
  }

  /** Whether anybody but this host is named. */
  get isOpen(): boolean {
    return this.#everybody || this.#prefixes.length > 0;
  }

  /** `local`: what the socket is bound to. On loopback the kernel lets in this host alone, whatever its address. */
  admits(host: string, local: string): boolean {
    return (
      this.#everybody ||
      isLoopback(local) ||
      isLoopback(host) ||
      this.#prefixes.some((prefix) => prefixIncludes(prefix, host))
    );
  }
}
