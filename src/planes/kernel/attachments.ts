import { constants } from 'node:os';
import type { Bpf } from '../../linux/bpf/bpf.ts';
import { refusalText } from '../../linux/bpf/refusals.ts';
import { addClsactRequest, addFilterRequest, deleteFilterRequest } from '../../linux/netlink/filters.ts';
import type { NetlinkSocket } from '../../linux/netlink/netlink-socket.ts';
import { errorName } from '../../linux/socket-address.ts';

/** What the filter of tc is called, where there is one. */
const FILTER_NAME = 'ims_rtp';

/** Errors of a link that have nothing to do with how it is attached: a filter would meet them too. */
const FINAL: ReadonlySet<string> = new Set(['EPERM', 'EACCES', 'ENODEV', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** How the program is hung up: by a link of tcx, else by a filter of clsact. */
export type Hook = 'tcx' | 'clsact';

/** The program at the entrance of the interfaces that it is wanted on. */
export class Attachments {
  readonly #bpf: Bpf;
  readonly #program: number;
  readonly #socket: NetlinkSocket;
  readonly #hooks: readonly Hook[];
  /** By index: the link's descriptor; undefined: a filter. */
  readonly #attached = new Map<number, number | undefined>();

  /** @param hooks the ways that may be taken, the first that works */
  constructor(bpf: Bpf, program: number, socket: NetlinkSocket, hooks: readonly Hook[] = ['tcx', 'clsact']) {
    this.#bpf = bpf;
    this.#program = program;
    this.#socket = socket;
    this.#hooks = hooks;
  }

  /** Indices of interfaces. */
  get entrances(): readonly number[] {
    return [...this.#attached.keys()];
  }

  /** By filters, which outlive this process. */
  get hook(): Hook {
    return [...this.#attached.values()].includes(undefined) ? 'clsact' : 'tcx';
  }

  /** Afterwards the program is on these interfaces and no others; what could not be done is returned by index. */
  follow(wanted: ReadonlySet<number>): ReadonlyMap<number, string> {
    const failures = new Map<number, string>();
    for (const index of this.entrances) {
      if (!wanted.has(index)) {
        this.#detach(index);
      }
    }
    for (const index of wanted) {
      if (!this.#attached.has(index)) {
        const failure = this.#attach(index);
        if (failure !== undefined) {
          failures.set(index, failure);
        }
      }
    }
    return failures;
  }

  /** The interface is gone, and what was on it with it. */
  forget(index: number): void {
    if (this.#attached.has(index)) {
      this.#detach(index);
    }
  }

  /** Idempotent. */
  close(): void {
    for (const index of this.entrances) {
      this.#detach(index);
    }
  }

  #attach(index: number): string | undefined {
    let reason = 'no way to attach a program';
    for (const hook of this.#hooks) {
      if (hook === 'tcx') {
        const link = this.#bpf.attachIngress(this.#program, index);
        if (link.ok) {
          this.#attached.set(index, link.value);
          return undefined;
        }
        reason = refusalText(link.error);
        if (FINAL.has(link.error.errno)) {
          return reason;
        }
      } else {
        const errno = this.#addFilter(index);
        if (errno === 0) {
          this.#attached.set(index, undefined);
          return undefined;
        }
        reason = `attach filter ${errorName(errno)}`;
      }
    }
    return reason;
  }

  #addFilter(index: number): number {
    const queue = this.#socket.ask((sequence) => addClsactRequest(sequence, index));
    if (!queue.ok && queue.errno !== constants.errno.EEXIST) {
      return queue.errno;
    }
    // One that a relay before us has left cannot be replaced by another program.
    this.#socket.ask((sequence) => deleteFilterRequest(sequence, index));
    const filter = this.#socket.ask((sequence) => addFilterRequest(sequence, index, this.#program, FILTER_NAME));
    return filter.ok ? 0 : filter.errno;
  }

  #detach(index: number): void {
    const link = this.#attached.get(index);
    this.#attached.delete(index);
    if (link === undefined) {
      this.#socket.ask((sequence) => deleteFilterRequest(sequence, index));
    } else {
      this.#bpf.close(link);
    }
  }
}
