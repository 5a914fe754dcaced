/**
 * Sources that guess passwords. What counts is a wrong answer to a challenge that the source itself was given: a forged
 * source address never sees its challenge, so nobody can get somebody else banned. IPv6 is counted by /64, which one host
 * has at its disposal.
 */
import { canonicalAddress, parseIpv6 } from '../../wire/ip-address.ts';
import { OldestFirst } from '../../wire/oldest-first.ts';

export interface BanOptions {
  /** Wrong answers within the window until the ban; 0: nobody is banned. */
  readonly maxFailures: number;
  readonly windowMs: number;
  readonly banMs: number;
}

export interface Ban {
  /** An IPv4 address, or an IPv6 network with `/64`. */
  readonly source: string;
  readonly failures: number;
  /** Monotonic milliseconds. */
  readonly until: number;
}

/** Sources that are remembered, banned or not; the one that was heard of longest ago is forgotten first. */
const MAX_SOURCES = 10_000;

interface Suspect {
  failures: number;
  firstAt: number;
  /** 0: not banned. */
  until: number;
}

export class BanList {
  #options: BanOptions;
  /** In the order in which they were last heard of. */
  readonly #suspects = new OldestFirst<string, Suspect>();

  constructor(options: BanOptions) {
    this.#options = options;
  }

  /** Bans that are there go on as they were. */
  reconfigure(options: BanOptions): void {
    this.#options = options;
  }

  isBanned(now: number, address: string): boolean {
    const suspect = this.#suspects.size === 0 ? undefined : this.#suspects.get(sourceOf(address));
    return suspect !== undefined && suspect.until > now;
  }

  /** A wrong answer. Returns the ban that follows from it. */
  failed(now: number, address: string): Ban | undefined {
    const { maxFailures, windowMs, banMs } = this.#options;
    const source = sourceOf(address);
    const known = this.#suspects.get(source);
    const goesOn = known !== undefined && now - known.firstAt <= windowMs;
    const suspect = goesOn ? known : { failures: 0, firstAt: now, until: 0 };
    suspect.failures++;
    this.#suspects.set(source, suspect);
    this.#suspects.shrinkTo(MAX_SOURCES);
    if (maxFailures === 0 || suspect.failures < maxFailures || suspect.until > now) {
      return undefined;
    }
    suspect.until = now + banMs;
    return { source, failures: suspect.failures, until: suspect.until };
  }

  /** A right answer: behind one address there may be many phones, of which one has the wrong password. */
  succeeded(now: number, address: string): void {
    const source = sourceOf(address);
    const suspect = this.#suspects.get(source);
    if (suspect !== undefined && suspect.until <= now) {
      this.#suspects.delete(source);
    }
  }

  list(now: number): Ban[] {
    return [...this.#suspects].flatMap(([source, { failures, until }]) =>
      until > now ? [{ source, failures, until }] : [],
    );
  }

  /** Ends the ban of the source that the address belongs to, or all of them. Returns how many there were. */
  lift(now: number, address?: string): number {
    const wanted = address === undefined ? undefined : sourceOf(address.replace(/\/64$/, ''));
    const lifted = this.list(now).filter(({ source }) => wanted === undefined || source === wanted);
    for (const { source } of lifted) {
      this.#suspects.delete(source);
    }
    return lifted.length;
  }
}

function sourceOf(address: string): string {
  const bytes = parseIpv6(address);
  if (bytes === undefined) {
    return address;
  }
  const groups = Array.from({ length: 4 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  return `${canonicalAddress(`${groups.join(':')}::`) ?? address}/64`;
}
