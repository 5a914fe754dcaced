/** A relay's control socket as the rest of the program sees it, whatever leads there: commands in, outcomes out. */
import type { Requested, RequestId, Settled } from '../rtpp-client/intake.ts';
import type { RtppOutcome } from '../rtpp-client/outcome.ts';
import type { RetryPolicy } from '../rtpp-client/policy.ts';
import { type ProbeEffect, type ProbeVerdict, RelayProbe } from '../rtpp-client/probe.ts';
import type { TransportAddress } from '../wire/ip-address.ts';

export interface RtppClient {
  /** For people: `127.0.0.1:7722` for UDP, which is what one expects, else `tcp:192.0.2.7:22222`, `unix:/run/rtpp.sock`. */
  readonly name: string;
  /** The control socket asked. A unix socket has no port: 127.0.0.1 and 0 stand for it. */
  readonly remote: TransportAddress;
  /** The address that this host uses towards it. */
  readonly local: TransportAddress;
  /**
   * One command, without cookie and LF, as `formatCommand` writes it. Never rejects; any number may be in flight.
   * `retry` overrides the client's policy for this command.
   */
  request(command: string, retry?: Partial<RetryPolicy>): Promise<RtppOutcome>;
  /** Who listens there? Takes at most three seconds. */
  probe(): Promise<ProbeVerdict>;
  /** Idempotent. Requests in flight end as `closed`. */
  close(): Promise<void>;
}

/** Those who wait for the outcomes of one client's requests. */
export class Settlers {
  readonly #waiting = new Map<RequestId, (outcome: RtppOutcome) => void>();

  /** @param apply carries out what the engine wants done; the outcome may be among it */
  wait<Effect>({ id, effects }: Requested<Effect>, apply: (effects: readonly Effect[]) => void): Promise<RtppOutcome> {
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      apply(effects);
    });
  }

  settle({ id, outcome }: Settled): void {
    const settle = this.#waiting.get(id);
    this.#waiting.delete(id);
    settle?.(outcome);
  }
}

/** Probes that run on one client. */
export class Probes {
  readonly #client: Pick<RtppClient, 'request'>;
  /** To be told of what is nobody's answer. */
  readonly #running = new Set<(text: string) => void>();

  constructor(client: Pick<RtppClient, 'request'>) {
    this.#client = client;
  }

  run(): Promise<ProbeVerdict> {
    return new Promise((resolve) => {
      const probe = new RelayProbe();
      const tellStray = (text: string): void => run(probe.handleStray(text));
      const run = (effects: readonly ProbeEffect[]): void => {
        for (const effect of effects) {
          if (effect.kind === 'verdict') {
            this.#running.delete(tellStray);
            resolve(effect.verdict);
          } else {
            const { command, retry } = effect;
            void this.#client.request(command, retry).then((outcome) => run(probe.handleOutcome(command, outcome)));
          }
        }
      };
      this.#running.add(tellStray);
      run(probe.start());
    });
  }

  tellStray(text: string): void {
    for (const tell of this.#running) {
      tell(text);
    }
  }
}
