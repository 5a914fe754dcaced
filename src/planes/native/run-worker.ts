import type { MessagePort } from 'node:worker_threads';
import { keepCapabilities } from '../../linux/capabilities.ts';
import { PacketIo } from '../../linux/packet-io.ts';
import { MediaWorker } from './media-worker.ts';
import type { Report, WorkerBirth } from './messages.ts';
import type { Offload } from './offload.ts';
import { tryOut } from './try-out.ts';
import type { WorkerTotals } from './worker-totals.ts';

/**
 * What a worker thread does: tries whether it can work here, then moves packets until it is told to stop. What strangers
 * send is read by it, so it lets go of every capability where it may; its sockets were opened by another thread.
 *
 * @param kept capabilities, by number, that `openOffload` goes on needing
 */
export function runWorker(
  port: MessagePort,
  birth: WorkerBirth,
  openOffload?: (totals: WorkerTotals) => Offload | undefined,
  kept: readonly number[] = [],
): void {
  const io = PacketIo.open();
  const reason = typeof io === 'string' ? io : tryOut(io, birth.epoll);
  if (typeof io === 'string' || reason !== undefined) {
    port.postMessage([{ kind: 'unfit', reason: reason ?? '' }] satisfies Report[]);
  } else {
    if (birth.dropsRights) {
      keepCapabilities(kept);
    }
    new MediaWorker(io, port, birth, openOffload).run();
  }
  // Without this the open port would keep the thread.
  port.close();
}
