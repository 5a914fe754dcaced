/** How fast flows come into the kernel's table: the table alone, and with the way of each asked of the kernel's routes. */
import { Bpf } from '../../../src/linux/bpf/bpf.ts';
import { NetlinkSocket } from '../../../src/linux/netlink/netlink-socket.ts';
import type { Flow, FlowKey } from '../../../src/planes/kernel/flow.ts';
import { KernelFlows } from '../../../src/planes/kernel/kernel-flows.ts';
import { type Course, Ways } from '../../../src/planes/kernel/ways.ts';
import { inside } from '../../../test/support/network.ts';
import { type Lab, MEDIA_ADDRESS, PARTIES } from './lab.ts';

export interface Installs {
  readonly flows: number;
  /** Flows a second. */
  readonly table: number;
  readonly withWays: number;
  readonly removed: number;
}

/** Callers and callees are behind the two hosts of the lab, each party with an address of its own. */
const NETWORKS = ['10.80', '10.90'] as const;

/** @throws Error where the kernel takes no programs of ours */
export function measureInstalls(lab: Lab, flows: number): Installs {
  for (const side of [0, 1] as const) {
    inside(lab.relay, 'ip', 'route', 'replace', `${NETWORKS[side]}.0.0/16`, 'via', PARTIES[side]);
  }
  const bpf = Bpf.load();
  const socket = NetlinkSocket.open();
  if (typeof bpf === 'string' || typeof socket === 'string') {
    throw new Error(`no flows can be installed: ${typeof bpf === 'string' ? bpf : socket}`);
  }
  const opened = KernelFlows.open(bpf, flows);
  if (!opened.ok) {
    socket.close();
    throw new Error(`no flows can be installed: ${opened.error.operation} ${opened.error.errno}`);
  }
  try {
    const table = opened.value.table();
    const courses = Array.from({ length: flows }, (_, index) => courseOf(index));
    const known = new Ways(socket).find(courseOf(0));
    if (typeof known === 'string') {
      throw new Error(`the lab has no way: ${known}`);
    }
    const install = (course: Course, way: typeof known): void => {
      const outcome = table.install(keyOf(course), flowOf(course, way));
      if (outcome.kind !== 'installed') {
        throw new Error(outcome.cause);
      }
    };
    const first = perSecond(flows, () => {
      for (const course of courses) {
        install(course, known);
      }
    });
    const removed = perSecond(flows, () => table.clear());
    const ways = new Ways(socket);
    const withWays = perSecond(flows, () => {
      for (const course of courses) {
        const way = ways.find(course);
        if (typeof way === 'string') {
          throw new Error(`the lab has no way: ${way}`);
        }
        install(course, way);
      }
    });
    return { flows, table: first, withWays, removed };
  } finally {
    opened.value.close();
    socket.close();
  }
}

function perSecond(count: number, act: () => void): number {
  const startedAt = performance.now();
  act();
  return Math.round(count / ((performance.now() - startedAt) / 1000));
}

function courseOf(index: number): Course {
  const host = `${Math.floor(index / 250)}.${(index % 250) + 1}`;
  return {
    from: { address: `${NETWORKS[0]}.${host}`, port: 4000 },
    entrance: { address: MEDIA_ADDRESS, port: 20_000 + index * 2 },
    exit: { address: MEDIA_ADDRESS, port: 20_001 + index * 2 },
    to: { address: `${NETWORKS[1]}.${host}`, port: 4000 },
    tos: 0,
  };
}

function keyOf({ from, entrance }: Course): FlowKey {
  return { family: 4, local: entrance, remote: from };
}

function flowOf({ exit, to }: Course, way: { outIfindex: number; nextHop: string; mtu: number }): Flow {
  return {
    ...way,
    source: exit,
    destination: to,
    ssrc: 1,
    payloadTypes: [0],
    clockRateHz: 8000,
    tos: 0,
    mark: 0,
    keepOrder: true,
  };
}
