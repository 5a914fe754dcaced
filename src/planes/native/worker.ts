/** The program of a worker thread. */
import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerBirth } from './messages.ts';
import { runWorker } from './run-worker.ts';

if (parentPort !== null) {
  runWorker(parentPort, workerData as WorkerBirth);
}
