/** Texts for users who are away, on the disk: a restart loses none. */
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import type { Log } from '../../observe/log.ts';
import type { MailEvent } from '../../sip/offline/courier.ts';
import type { KeptMessage, Mailboxes } from '../../sip/offline/mailboxes.ts';
import { KeyedJournal } from '../../store/keyed-journal.ts';

/** 202 was said, or is about to be. */
const COLLECT_MS = 5;

/** `expiresAt`: by the wall clock, ms since 1970. */
const storedSchema = z.object({ aor: z.string(), request: z.base64(), expiresAt: z.number() });
type StoredMessage = z.infer<typeof storedSchema>;

export interface OfflineMailOptions {
  readonly dataDir: string;
  readonly mailboxes: Mailboxes;
  readonly log: Log;
}

const SENTENCES = {
  kept: 'message kept: its receiver is not reached',
  delivered: 'kept message delivered',
  refused: 'kept message refused by the receiver’s phone: it is dropped',
  expired: 'kept message dropped: nobody has come for it',
  orphaned: 'kept message dropped: its receiver is no user any more',
} as const satisfies Record<MailEvent['kind'], string>;

export class OfflineMail {
  readonly #options: OfflineMailOptions;
  readonly #journal: KeyedJournal<StoredMessage>;

  constructor(options: OfflineMailOptions) {
    this.#options = options;
    const { dataDir, mailboxes, log } = options;
    this.#journal = new KeyedJournal({
      path: join(dataDir, 'messages.jsonl'),
      snapshot: () => [...mailboxes.all()].map((message) => [message.id, toStored(message)] as const),
      log,
      collectMs: COLLECT_MS,
    });
  }

  /** Gives the mailboxes what an earlier run has left for those who are still users. */
  restore(isUser: (aor: string) => boolean): void {
    const { mailboxes, log } = this.#options;
    let count = 0;
    for (const [id, value] of this.#journal.read()) {
      const stored = storedSchema.safeParse(value);
      const message = stored.success ? fromStored(id, stored.data) : undefined;
      if (message !== undefined && !isUser(message.aor)) {
        this.handle({ kind: 'orphaned', message });
      } else if (message !== undefined && mailboxes.put(message)) {
        count += 1;
      } else {
        this.#journal.set(id, undefined);
      }
    }
    if (count > 0) {
      log.info({ count }, 'messages of an earlier run wait for their receivers');
    }
  }

  handle({ kind, message, status }: MailEvent): void {
    const { id, aor } = message;
    this.#journal.set(id, kind === 'kept' ? toStored(message) : undefined);
    const level = kind === 'kept' || kind === 'delivered' ? 'info' : 'warn';
    this.#options.log[level]({ aor, ...(status !== undefined && { status }) }, SENTENCES[kind]);
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#journal.close();
  }
}

function toStored({ aor, bytes, expiresAt }: KeptMessage): StoredMessage {
  const request = Buffer.from(bytes).toString('base64');
  return { aor, request, expiresAt: Date.now() + (expiresAt - performance.now()) };
}

function fromStored(id: string, { aor, request, expiresAt }: StoredMessage): KeptMessage | undefined {
  const leftMs = expiresAt - Date.now();
  const bytes = new Uint8Array(Buffer.from(request, 'base64'));
  return leftMs > 0 ? { id, aor, bytes, expiresAt: performance.now() + leftMs } : undefined;
}
