/** The program of a worker thread of the kernel plane: that of the native one, with a keeper of flows. */
import { parentPort, workerData } from 'node:worker_threads';
import { Bpf } from '../../linux/bpf/bpf.ts';
import { CAPABILITY, usesMapsUnasked } from '../../linux/capabilities.ts';
import { NetlinkSocket } from '../../linux/netlink/netlink-socket.ts';
import type { WorkerBirth } from '../native/messages.ts';
import { runWorker } from '../native/run-worker.ts';
import type { WorkerTotals } from '../native/worker-totals.ts';
import { FlowKeeper } from './flow-keeper.ts';
import { type FlowShare, SharedFlowTable } from './flow-table.ts';
import { Ways } from './ways.ts';

/** What the control thread gives it. */
export interface KeeperBirth {
  /** The part of the table that is this worker's. */
  readonly share: FlowShare;
}

const birth = workerData as WorkerBirth;

if (parentPort !== null) {
  const open = (totals: WorkerTotals): FlowKeeper | undefined => {
    const bpf = Bpf.load();
    const socket = NetlinkSocket.open();
    if (typeof bpf === 'string' || typeof socket === 'string') {
      // Where the control thread could do both, a thread can; if not it moves packets without the kernel.
      return undefined;
    }
    const { share } = birth.offload as KeeperBirth;
    return new FlowKeeper({
      flows: new SharedFlowTable(bpf, share),
      ways: new Ways(socket),
      clockOffsetMs: birth.clockOffsetMs,
      join: (packets, act) => totals.joinKernel(packets, act),
    });
  };
  runWorker(parentPort, birth, open, usesMapsUnasked() ? [] : [CAPABILITY.bpf]);
}
