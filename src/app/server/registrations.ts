/** Registrations across a restart: a phone that has registered for an hour is not to be unreachable for an hour. */
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import type { Log } from '../../observe/log.ts';
import { formatUri, parseUri } from '../../sip/message/uri.ts';
import type { Binding } from '../../sip/registrar/binding.ts';
import type { Registrar } from '../../sip/registrar/registrar.ts';
import { type FlowTransport, isReliable } from '../../sip/transaction/flow.ts';
import { KeyedJournal } from '../../store/keyed-journal.ts';
import { familyOf } from '../../wire/ip-address.ts';
import type { SipTransports } from './transports.ts';

const addressSchema = z.object({
  address: z.string().refine((text) => familyOf(text) !== undefined),
  port: z.number().int().min(1).max(65535),
});

/** One binding in the file. Times are of the wall clock: the monotonic one begins anew with each boot. */
const storedSchema = z.object({
  uri: z.string(),
  params: z.string(),
  q: z.number().min(0).max(1),
  transport: z.enum(['udp', 'tcp', 'tls', 'ws', 'wss'] satisfies FlowTransport[]),
  remote: addressSchema,
  listens: addressSchema.optional(),
  path: z.array(z.string()).max(20).optional(),
  /** Milliseconds since 1970. */
  expiresAt: z.number(),
  callId: z.string(),
  cseq: z.number(),
  instance: z.string().optional(),
  userAgent: z.string().optional(),
});

type StoredBinding = z.infer<typeof storedSchema>;

const storedListSchema = z.array(storedSchema);

export interface RegistrationsOptions {
  readonly dataDir: string;
  readonly registrar: Registrar;
  readonly transports: SipTransports;
  readonly maxExpiresSeconds: number;
  readonly log: Log;
}

export class Registrations {
  readonly #options: RegistrationsOptions;
  readonly #journal: KeyedJournal<StoredBinding[]>;

  constructor(options: RegistrationsOptions) {
    this.#options = options;
    const { dataDir, registrar, log } = options;
    this.#journal = new KeyedJournal({
      path: join(dataDir, 'registrations.jsonl'),
      snapshot: () => [...registrar.all()].map(([aor, bindings]) => [aor, bindings.map(toStored)] as const),
      log,
    });
  }

  /** Gives the registrar what an earlier run has left, as far as it still holds. */
  restore(): void {
    const { registrar, log } = this.#options;
    let count = 0;
    for (const [aor, value] of this.#journal.read()) {
      const stored = storedListSchema.safeParse(value);
      const bindings = stored.success ? stored.data.flatMap((binding) => this.#fromStored(aor, binding)) : [];
      registrar.restore(aor, bindings);
      count += bindings.length;
    }
    if (count > 0) {
      log.info({ count }, 'registrations of an earlier run hold on');
    }
  }

  /** The devices of that user are others now. */
  changed(aor: string): void {
    const bindings = this.#options.registrar.bindingsOf(aor);
    this.#journal.set(aor, bindings.length === 0 ? undefined : bindings.map(toStored));
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#journal.close();
  }

  #fromStored(aor: string, stored: StoredBinding): Binding[] {
    const { maxExpiresSeconds, transports } = this.#options;
    const { params, q, transport, remote, listens, path, callId, cseq, instance, userAgent } = stored;
    const uri = parseUri(stored.uri);
    const flow = transports.flowTo(remote, transport);
    // A clock that was set back must not make a registration eternal.
    const leftMs = Math.min(stored.expiresAt - Date.now(), maxExpiresSeconds * 1000);
    // The connections of the earlier run are gone.
    if (!uri.ok || flow === undefined || leftMs <= 0 || (isReliable(flow) && listens === undefined)) {
      return [];
    }
    const expiresAt = performance.now() + leftMs;
    const reached = listens === undefined ? flow : { ...flow, listens };
    return [{ aor, uri: uri.value, params, q, flow: reached, path, expiresAt, callId, cseq, instance, userAgent }];
  }
}

function toStored({
  uri,
  params,
  q,
  flow,
  path,
  expiresAt,
  callId,
  cseq,
  instance,
  userAgent,
}: Binding): StoredBinding {
  const { transport, remote, listens } = flow;
  return {
    uri: formatUri(uri),
    params,
    q,
    transport,
    remote,
    ...(listens !== undefined && { listens }),
    ...(path !== undefined && { path: [...path] }),
    expiresAt: Math.round(Date.now() + (expiresAt - performance.now())),
    callId,
    cseq,
    ...(instance !== undefined && { instance }),
    ...(userAgent !== undefined && { userAgent }),
  };
}
