/** The program of a worker thread: tries whether it can work here, then moves packets until it is told to stop. */
import { parentPort, workerData } from 'node:worker_threads';
import { PacketIo } from '../../linux/packet-io.ts';
import { MediaWorker } from './media-worker.ts';
import type { Report, WorkerBirth } from './messages.ts';
import { tryOut } from './try-out.ts';

const birth = workerData as WorkerBirth;

if (parentPort !== null) {
  const io = PacketIo.open();
  const reason = typeof io === 'string' ? io : tryOut(io, birth.epoll);
  if (typeof io === 'string' || reason !== undefined) {
    parentPort.postMessage({ kind: 'unfit', reason: reason ?? '' } satisfies Report);
  } else {
    new MediaWorker(io, parentPort, birth).run();
  }
  // Without this the open port would keep the thread.
  parentPort.close();
}
