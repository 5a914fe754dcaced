/**
 * Answered calls across a crash: the dialogs of both parties and the session at the relay are on the disk, so that the next
 * process takes the BYE of a call that this one did not live to see end. RTP flows meanwhile; it does not pass here.
 */
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import type { Log } from '../../observe/log.ts';
import type { CallEvent } from '../../sip/b2bua/call-record.ts';
import type { CallSnapshot } from '../../sip/b2bua/call-snapshot.ts';
import type { Flow, FlowTransport } from '../../sip/transaction/flow.ts';
import { KeyedJournal } from '../../store/keyed-journal.ts';
import { familyOf } from '../../wire/ip-address.ts';
import type { RtppMediaRelay } from './rtpp-media-relay.ts';
import type { SipTransports } from './transports.ts';

/** What a crash right after an answer can cost; milliseconds. */
const COLLECT_MS = 5;

const addressSchema = z.object({
  address: z.string().refine((text) => familyOf(text) !== undefined),
  port: z.number().int().min(0).max(65_535),
});
const flowSchema = z.object({
  transport: z.enum(['udp', 'tcp', 'tls', 'ws', 'wss'] satisfies FlowTransport[]),
  local: addressSchema,
  remote: addressSchema,
  sentBy: addressSchema,
  listens: addressSchema.optional(),
});
const cseqSchema = z
  .number()
  .int()
  .min(-1)
  .max(2 ** 31 - 1);
const dialogSchema = z.object({
  callId: z.string(),
  localTag: z.string(),
  local: z.string(),
  remote: z.string(),
  remoteTag: z.string().optional(),
  remoteTarget: z.string(),
  routeSet: z.array(z.string()),
  flow: flowSchema,
  symmetric: z.boolean(),
  localCseq: cseqSchema,
  remoteCseq: cseqSchema,
});
const side = z.enum(['caller', 'callee']);
const portsSchema = z.array(z.number().int().min(0).max(65_535));
const publicationSchema = z.object({
  writer: side,
  role: z.enum(['offer', 'answer']),
  streams: z.array(
    z.object({
      index: z.number().int().min(0),
      address: z.string(),
      family: z.union([z.literal(4), z.literal(6)]),
      port: z.number().int().min(0).max(65_535),
      held: z.boolean().default(false),
    }),
  ),
  held: z.boolean(),
});
const agreementSchema = z.object({
  seconds: z.number().int().min(1).max(0xffff_ffff),
  refresher: z.enum(['us', 'peer']),
});
const snapshotSchema = z.object({
  id: z.string(),
  account: z.string().optional(),
  invite: z.base64(),
  flow: flowSchema,
  mediaAddress: z.string(),
  status: z.number().int(),
  invitedAt: z.number(),
  ringingAt: z.number().optional(),
  answeredAt: z.number(),
  dialogs: z.object({ caller: dialogSchema, callee: dialogSchema }),
  media: z.object({
    session: z.object({ callId: z.string(), instance: z.string(), callerTag: z.string(), calleeTag: z.string() }),
    published: z.object({ caller: publicationSchema.optional(), callee: publicationSchema.optional() }),
    last: z.object({ writer: side, ports: portsSchema }).optional(),
    ports: z.object({ caller: portsSchema, callee: portsSchema }),
  }),
  sessions: z.object({ caller: agreementSchema.optional(), callee: agreementSchema.optional() }).optional(),
  inviteCseq: cseqSchema.optional(),
});

/** `clockShiftMs`: what turned the monotonic clock of that process into the wall clock. */
const storedSchema = z.object({ snapshot: snapshotSchema, clockShiftMs: z.number(), relay: z.string().optional() });
type StoredCall = z.infer<typeof storedSchema>;

export interface KeptCallsOptions {
  readonly dataDir: string;
  readonly transports: Pick<SipTransports, 'flowTo'>;
  readonly relay: Pick<RtppMediaRelay, 'memberOf' | 'adopt'>;
  readonly log: Log;
}

export class KeptCalls {
  readonly #options: KeptCallsOptions;
  readonly #kept = new Map<string, StoredCall>();
  readonly #journal: KeyedJournal<StoredCall>;

  constructor(options: KeptCallsOptions) {
    this.#options = options;
    const { dataDir, log } = options;
    const path = join(dataDir, 'calls.jsonl');
    this.#journal = new KeyedJournal({ path, snapshot: () => this.#kept, log, collectMs: COLLECT_MS });
  }

  /**
   * What an earlier run has left, for `resume` to go on with; a call that cannot be gone on with is forgotten.
   * @param resume tells whether it does
   * @returns the ids of the calls that go on
   */
  restore(resume: (snapshot: CallSnapshot) => boolean): Set<string> {
    const resumed = new Set<string>();
    const left = this.#journal.read();
    for (const [id, value] of left) {
      const stored = storedSchema.safeParse(value);
      const snapshot = stored.success ? this.#present(stored.data) : undefined;
      if (stored.success && stored.data.relay !== undefined) {
        this.#options.relay.adopt(stored.data.snapshot.media.session, stored.data.relay);
      }
      if (snapshot !== undefined && resume(snapshot)) {
        resumed.add(id);
      } else {
        this.#journal.set(id, undefined);
      }
    }
    if (left.size > 0) {
      this.#options.log.info({ count: resumed.size }, 'calls of an earlier run go on');
    }
    return resumed;
  }

  handle({ kind, record, snapshot }: CallEvent): void {
    if (kind === 'ended') {
      if (this.#kept.delete(record.id)) {
        this.#journal.set(record.id, undefined);
      }
    } else if (snapshot !== undefined) {
      const relay = this.#options.relay.memberOf(snapshot.media.session);
      const stored = { snapshot, clockShiftMs: clockShiftMs(), ...(relay !== undefined && { relay }) } as StoredCall;
      this.#kept.set(record.id, stored);
      this.#journal.set(record.id, stored);
    }
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#journal.close();
  }

  /** In the clock and with the sockets of this process; undefined: there is no socket that leads to a party. */
  #present({ snapshot, clockShiftMs: former }: StoredCall): CallSnapshot | undefined {
    const here = (at: number): number => at + former - clockShiftMs();
    const { caller, callee } = snapshot.dialogs;
    const [flow, callerFlow, calleeFlow] = [snapshot.flow, caller.flow, callee.flow].map((each) => this.#flow(each));
    if (flow === undefined || callerFlow === undefined || calleeFlow === undefined) {
      return undefined;
    }
    const { ringingAt } = snapshot;
    const { published } = snapshot.media;
    return {
      ...snapshot,
      flow,
      invitedAt: here(snapshot.invitedAt),
      ...(ringingAt !== undefined && { ringingAt: here(ringingAt) }),
      answeredAt: here(snapshot.answeredAt),
      media: { ...snapshot.media, published: { caller: published.caller, callee: published.callee } },
      dialogs: { caller: { ...caller, flow: callerFlow }, callee: { ...callee, flow: calleeFlow } },
    };
  }

  #flow({ transport, remote, listens }: z.infer<typeof flowSchema>): Flow | undefined {
    const flow = this.#options.transports.flowTo(remote, transport);
    return flow === undefined || listens === undefined ? flow : { ...flow, listens };
  }
}

function clockShiftMs(): number {
  return Date.now() - performance.now();
}
