import { OldestFirst } from '../../wire/oldest-first.ts';

/**
 * Accounts whose password is guessed from many sources, each of which stays below the limit of its own. Such an account
 * opens only to sources that it has opened to before; others get the answer to a wrong password, whatever they send, so
 * that nobody learns from it. As with bans, only wrong answers to a source's own challenge count.
 */
export interface GuardOptions {
  /** Wrong answers for one account within the window, from all sources; 0: no account is guarded. */
  readonly maxFailures: number;
  readonly windowMs: number;
  readonly guardMs: number;
}

export interface GuardedAccount {
  readonly user: string;
  readonly failures: number;
  /** Monotonic milliseconds. */
  readonly until: number;
}

/** Accounts that are remembered; also names that are none, so that the answer is the same. */
const MAX_ACCOUNTS = 10_000;
/** Sources that an account has opened to; the one that was heard of longest ago is forgotten first. */
const MAX_KNOWN_SOURCES = 16;

interface Suspicion {
  failures: number;
  firstAt: number;
  /** 0: not guarded. */
  until: number;
}

export class AccountGuard {
  #options: GuardOptions;
  /** In the order in which they were last guessed at. */
  readonly #suspicions = new OldestFirst<string, Suspicion>();
  /** In the order in which they were last right. */
  readonly #known = new OldestFirst<string, OldestFirst<string, true>>();

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  reconfigure(options: GuardOptions): void {
    this.#options = options;
  }

  /** Whether the account is shut to that source at present. */
  isShut(now: number, user: string, source: string): boolean {
    const suspicion = this.#suspicions.get(user);
    return suspicion !== undefined && suspicion.until > now && this.#known.get(user)?.has(source) !== true;
  }

  /** A wrong answer. Returns the guard that follows from it. */
  failed(now: number, user: string): GuardedAccount | undefined {
    const { maxFailures, windowMs, guardMs } = this.#options;
    const known = this.#suspicions.get(user);
    const goesOn = known !== undefined && (now - known.firstAt <= windowMs || known.until > now);
    const suspicion = goesOn ? known : { failures: 0, firstAt: now, until: 0 };
    suspicion.failures += 1;
    this.#suspicions.set(user, suspicion);
    this.#suspicions.shrinkTo(MAX_ACCOUNTS);
    if (maxFailures === 0 || suspicion.failures < maxFailures || suspicion.until > now) {
      return undefined;
    }
    suspicion.until = now + guardMs;
    return { user, failures: suspicion.failures, until: suspicion.until };
  }

  /** A right answer from a source to which the account is not shut. */
  succeeded(user: string, source: string): void {
    const sources = this.#known.get(user) ?? new OldestFirst<string, true>();
    sources.set(source, true);
    sources.shrinkTo(MAX_KNOWN_SOURCES);
    this.#known.set(user, sources);
    this.#known.shrinkTo(MAX_ACCOUNTS);
  }

  list(now: number): GuardedAccount[] {
    return [...this.#suspicions].flatMap(([user, { failures, until }]) =>
      until > now ? [{ user, failures, until }] : [],
    );
  }

  /** Opens the account, or all of them. Returns how many were guarded. */
  lift(now: number, wanted?: string): number {
    const lifted = this.list(now).filter(({ user }) => wanted === undefined || user === wanted);
    for (const { user } of lifted) {
      this.#suspicions.delete(user);
    }
    return lifted.length;
  }
}
